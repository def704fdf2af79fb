// A process that opens stores in empty databases, one after the other, from a given time on.
import { setTimeout as delay } from 'node:timers/promises';
import { createMongo } from '../src/index.ts';

const [from, ...databases] = process.argv.slice(2);
const url = process.env['TEST_URL'];
await delay(Math.max(0, Number(from) - Date.now()));
for (const database of databases) {
  const backend = createMongo({ url, database, fields: ['data.a', 'metadata.b'] });
  await backend.open();
  await backend.records.store('a', { a: 1 });
  await backend.close();
}
process.stdout.write(`${databases.length} opened\n`);
