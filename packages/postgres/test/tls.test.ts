import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { outcome } from '@storage/core';
import { dropSchemas, onService, randomName, throughPort } from '@storage/services/testing';
import pg from 'pg';
import { createPostgres } from '../src/index.ts';
import { type Authority, createAuthority, createTlsFront, type TlsFront } from './tls-front.ts';

// A busy machine's share.
jest.setTimeout(30_000);

await onService('postgres', ({ url }) => {
  const serverPort = Number(new URL(url).port);
  const schema = randomName('tls');
  let ca: Authority;
  let other: Authority;
  let front: TlsFront;

  beforeAll(async () => {
    [ca, other] = await Promise.all([createAuthority(), createAuthority()]);
    front = await createTlsFront(serverPort, ca, '127.0.0.1');
  });

  afterAll(async () => {
    await front[Symbol.asyncDispose]();
    await dropSchemas(url, [schema]);
  });

  describe('TLS to PostgreSQL', () => {
    it('encrypts everything: statements, the requests that cancel them, and messages', async () => {
      const before = front.encrypted;
      await using backend = createPostgres({
        url: throughPort(url, front.port),
        schema,
        ssl: { ca: ca.cert },
        applicationName: schema,
        poolSize: 1,
      });
      await backend.open();
      await backend.records.store('a', 1);
      expect((await backend.records.retrieve('a'))?.data).toBe(1);
      const { messaging } = backend;
      const subscription = await messaging?.subscribe('c');
      await messaging?.publish('c', 1);
      for await (const event of subscription ?? []) {
        expect(event).toMatchObject({ data: 1 });
        break;
      }
      // One of the pool, one that listens.
      expect(front.encrypted).toBe(before + 2);
      const holder = new pg.Client({ connectionString: url });
      await holder.connect();
      try {
        await holder.query(`BEGIN; SELECT FROM "${schema}".storage_records WHERE key = 'a' FOR UPDATE`);
        expect(await outcome(backend.records.store('a', 2, { timeoutMs: 200 }))).toMatchObject({
          ok: false,
          error: { code: 'timeout' },
        });
        // The store waited for the row; only a request that reaches the server ends it.
        const waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = $1";
        let left = 1;
        for (const end = Date.now() + 2000; left > 0 && Date.now() < end; await delay(20))
          left = (await holder.query(waiting, [schema])).rows.length;
        expect(left).toBe(0);
      } finally {
        await holder.end();
      }
      expect(front.encrypted).toBeGreaterThanOrEqual(before + 3);
    });

    it.each([
      ['an authority of another', (): object => ({ ca: other.cert })],
      ['this machine’s authorities, which do not know it', (): boolean => true],
    ])('refuses a certificate by %s, and names ssl', async (_name, ssl) => {
      const backend = createPostgres({ url: throughPort(url, front.port), schema, ssl: ssl() });
      const opened = await outcome(backend.open());
      expect(opened).toMatchObject({
        ok: false,
        error: { code: 'unavailable', retryable: false, message: expect.stringContaining('`ssl`') },
      });
      await backend.close();
    });

    it('refuses a certificate that is made out to another host', async () => {
      await using elsewhere = await createTlsFront(serverPort, ca, 'elsewhere.invalid');
      const backend = createPostgres({ url: throughPort(url, elsewhere.port), schema, ssl: { ca: ca.cert } });
      const opened = await outcome(backend.open());
      expect(opened).toMatchObject({
        ok: false,
        error: { retryable: false, message: expect.stringContaining('`ssl`') },
      });
      await backend.close();
    });

    it('takes any certificate where it is told to', async () => {
      await using backend = createPostgres({
        url: throughPort(url, front.port),
        schema,
        ssl: { rejectUnauthorized: false },
      });
      await backend.open();
      expect(await backend.records.retrieve('nothing')).toBeUndefined();
    });

    it('refuses a server without TLS where TLS is asked for', async () => {
      const backend = createPostgres({ url, schema, ssl: { ca: ca.cert } });
      const opened = await outcome(backend.open());
      expect(opened).toMatchObject({
        ok: false,
        error: { retryable: false, message: expect.stringContaining('`ssl`') },
      });
      await backend.close();
    });
  });
});
