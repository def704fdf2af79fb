// A process that opens stores in empty schemas, one after the other, from a given time on.
import { setTimeout as delay } from 'node:timers/promises';
import { createPostgres } from '../src/index.ts';

const [from, ...schemas] = process.argv.slice(2);
const url = process.env['TEST_URL'];
await delay(Math.max(0, Number(from) - Date.now()));
for (const schema of schemas) {
  const backend = createPostgres({ url, schema, fields: ['data.a', 'metadata.b'] });
  await backend.open();
  await backend.records.store('a', { a: 1 });
  await backend.close();
}
process.stdout.write(`${schemas.length} opened\n`);
