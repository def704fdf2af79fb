import { expect, test } from '@jest/globals';
import pg from 'pg';
import { startOwn } from '../src/index.ts';
import { onOwnService, onService } from '../src/testing.ts';

await onService('postgres', (service) => {
  test('works', async () => {
    expect(service.version).toMatch(/^18/);
  });
});
await onOwnService('postgres', () => {
  test('own', async () => {
    await using own = await startOwn('postgres', { durable: true });
    for (let i = 0; i < 3; i++) {
      const client = new pg.Client(own.url);
      client.on('error', () => undefined);
      await client.connect();
      await client.query('create table if not exists a(x int)');
      await client.query('insert into a values (1)');
      await own.kill();
      await own.start();
      const again = new pg.Client(own.url);
      await again.connect();
      expect((await again.query('select count(*)::int as n from a')).rows[0].n).toBe(i + 1);
      await again.end();
    }
  }, 60_000);
});
