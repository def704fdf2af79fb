import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { outcome } from '@storage/core';
import { onService } from '@storage/services/testing';
import { createPostgres } from '../src/index.ts';
import { dropSchemas, randomName, throughPort } from './own-schema.ts';
import { type Authority, createAuthority, createTlsFront, type TlsFront } from './tls-front.ts';

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
      expect(front.encrypted).toBeGreaterThanOrEqual(before + 2);
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
