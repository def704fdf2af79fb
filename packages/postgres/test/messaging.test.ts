import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import type { Gap, Message, Messaging, Subscription } from '@storage/core';
import { createProxy } from '@storage/services';
import { dropSchemas, onService, randomName, throughPort } from '@storage/services/testing';
import pg from 'pg';
import { createPostgres, type PostgresBackend, type PostgresOptions } from '../src/index.ts';
import { createFakePooler } from './fake-pooler.ts';

async function openBackend(options: PostgresOptions): Promise<PostgresBackend & { readonly messaging: Messaging }> {
  const backend = createPostgres(options);
  await backend.open();
  const { messaging } = backend;
  if (messaging === undefined) throw new Error('The backend has no messaging.');
  return Object.assign(backend, { messaging });
}

/** The next events of a subscription, within five seconds. */
async function take(subscription: Subscription, count: number): Promise<readonly (Message | Gap)[]> {
  const events: (Message | Gap)[] = [];
  const iterator = subscription[Symbol.asyncIterator]();
  while (events.length < count) {
    const next = await Promise.race([iterator.next(), delay(5000, undefined, { ref: false })]);
    if (next === undefined || next.done) throw new Error(`${events.length} of ${count} events came`);
    events.push(next.value);
  }
  return events;
}

const gap = { type: 'gap', channel: 'c', reason: 'reconnected' };
const message = (data: unknown): unknown => ({ type: 'message', channel: 'c', data });

// A busy machine's share.
jest.setTimeout(30_000);

await onService('postgres', ({ url }) => {
  const serverPort = Number(new URL(url).port);
  const schemas: string[] = [];
  const newSchema = (): string => {
    const schema = randomName('messaging');
    schemas.push(schema);
    return schema;
  };

  afterAll(() => dropSchemas(url, schemas));

  /** Runs a statement on a connection of its own. */
  async function admin(text: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  }

  const listening = (application: string): Promise<readonly Record<string, unknown>[]> =>
    admin(
      "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND (query LIKE 'LISTEN%' OR query LIKE '%pg_backend_pid%')",
      [application],
    );

  /** Asks until the answer is as hoped. */
  async function until(ask: () => Promise<boolean>): Promise<boolean> {
    for (const end = Date.now() + 5000; Date.now() < end; await delay(20)) if (await ask()) return true;
    return false;
  }

  describe('messages over PostgreSQL', () => {
    it('tells of the gap when the server ended the listening connection, and goes on', async () => {
      const applicationName = randomName('listener');
      await using backend = await openBackend({ url, schema: newSchema(), applicationName });
      const subscription = await backend.messaging.subscribe('c');
      await backend.messaging.publish('c', 'before');
      expect(await take(subscription, 1)).toEqual([message('before')]);
      const [listener] = await listening(applicationName);
      await admin('SELECT pg_terminate_backend($1::int)', [listener?.['pid']]);
      expect(await take(subscription, 1)).toEqual([gap]);
      await backend.messaging.publish('c', 'after');
      expect(await take(subscription, 1)).toEqual([message('after')]);
    });

    it('survives an outage, and publishing in it is an error', async () => {
      await using proxy = await createProxy({ port: serverPort });
      await using backend = await openBackend({ url: throughPort(url, proxy.port), schema: newSchema() });
      const subscriptions = await Promise.all([backend.messaging.subscribe('c'), backend.messaging.subscribe('d')]);
      await proxy.cut();
      await expect(backend.messaging.publish('c', 'lost')).rejects.toMatchObject({ code: 'unavailable' });
      await expect(backend.messaging.subscribe('e')).rejects.toMatchObject({ code: 'unavailable' });
      await delay(200);
      await proxy.restore();
      for (const subscription of subscriptions) expect(await take(subscription, 1)).toMatchObject([{ type: 'gap' }]);
      await backend.messaging.publish('c', 1);
      expect(await take(subscriptions[0], 1)).toEqual([message(1)]);
    });

    it('finds a connection that is silent', async () => {
      await using proxy = await createProxy({ port: serverPort });
      await using backend = await openBackend({
        url: throughPort(url, proxy.port),
        schema: newSchema(),
        listen: { heartbeatMs: 100 },
      });
      const subscription = await backend.messaging.subscribe('c');
      proxy.stall();
      await delay(400);
      const start = performance.now();
      await expect(backend.messaging.subscribe('d', { timeoutMs: 50 })).rejects.toMatchObject({ code: 'timeout' });
      expect(performance.now() - start).toBeLessThan(1000);
      proxy.resume();
      expect(await take(subscription, 1)).toEqual([gap]);
      await backend.messaging.publish('c', 1);
      expect(await take(subscription, 1)).toEqual([message(1)]);
    });

    it('closes the listening connection behind the last subscription, also in an outage', async () => {
      await using proxy = await createProxy({ port: serverPort });
      const applicationName = randomName('listener');
      await using backend = await openBackend({
        url: throughPort(url, proxy.port),
        schema: newSchema(),
        applicationName,
        poolSize: 1,
      });
      expect(await listening(applicationName)).toEqual([]);
      const [one, two] = await Promise.all([backend.messaging.subscribe('c'), backend.messaging.subscribe('c')]);
      expect(await listening(applicationName)).toHaveLength(1);
      expect((await backend.health()).details['listener']).toEqual({ subscriptions: 2, connection: 'connected' });
      await one.close();
      await backend.messaging.publish('c', 1);
      expect(await take(two, 1)).toEqual([message(1)]);
      await two.close();
      expect(await until(async () => (await listening(applicationName)).length === 0)).toBe(true);
      const third = await backend.messaging.subscribe('c');
      await proxy.cut();
      await third.close();
      await proxy.restore();
      await delay(300);
      expect(await listening(applicationName)).toEqual([]);
    });

    it('leaves no listener behind when it is closed while one subscribes', async () => {
      await using proxy = await createProxy({ port: serverPort });
      const applicationName = randomName('listener');
      const backend = await openBackend({ url: throughPort(url, proxy.port), schema: newSchema(), applicationName });
      proxy.stall();
      const subscribing = backend.messaging.subscribe('c').catch((error: unknown) => error);
      const start = performance.now();
      await backend.close({ timeoutMs: 200 });
      expect(performance.now() - start).toBeLessThan(5000);
      expect(await subscribing).toMatchObject({ name: 'StorageError' });
      proxy.resume();
      expect(await until(async () => (await listening(applicationName)).length === 0)).toBe(true);
    });

    it('hears equal messages that were sent in one transaction each for itself, in order', async () => {
      await using backend = await openBackend({ url, schema: newSchema() });
      const subscription = await backend.messaging.subscribe('c');
      const sent = Array.from({ length: 500 }, (_, index) => (index % 3 === 0 ? 'same' : index));
      await Promise.all(sent.map((data) => backend.messaging.publish('c', data)));
      expect(await take(subscription, sent.length)).toEqual(sent.map(message));
    });

    it('takes no connection of the pool for listening', async () => {
      await using backend = await openBackend({ url, schema: newSchema(), poolSize: 1 });
      const subscriptions = await Promise.all(
        Array.from({ length: 50 }, (_, index) => backend.messaging.subscribe(`c${index}`)),
      );
      await backend.records.store('a', 1, { timeoutMs: 5000 });
      await backend.messaging.publish('c49', 1);
      expect(await take(subscriptions[49] as Subscription, 1)).toMatchObject([{ data: 1 }]);
    });

    it('ends subscriptions with an error when the server does not let the user in any more', async () => {
      const role = randomName('role');
      const schema = newSchema();
      await admin(`CREATE ROLE ${role} LOGIN PASSWORD 'first'`);
      await admin(`CREATE SCHEMA ${schema} AUTHORIZATION ${role}`);
      try {
        const own = new URL(url);
        own.username = role;
        own.password = 'first';
        await using backend = await openBackend({ url: own.href, schema, applicationName: role });
        const subscription = await backend.messaging.subscribe('c');
        await admin(`ALTER ROLE ${role} NOLOGIN`);
        await admin('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [role]);
        const error: unknown = await take(subscription, 1).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'unauthenticated' });
        expect(JSON.stringify(error)).not.toContain('first');
      } finally {
        await dropSchemas(url, [schema]);
        await admin(`DROP ROLE ${role}`);
      }
    });

    it('refuses to listen through a pooler, and listens beside it where told how', async () => {
      await using pooler = await createFakePooler(serverPort);
      const pooled = throughPort(url, pooler.port);
      const schema = newSchema();
      await using refused = await openBackend({ url: pooled, schema });
      await expect(refused.messaging.subscribe('c')).rejects.toMatchObject({
        code: 'invalid_state',
        message: expect.stringContaining('`listen.url`'),
      });
      await using backend = await openBackend({ url: pooled, schema, listen: { url } });
      const subscription = await backend.messaging.subscribe('c');
      await backend.messaging.publish('c', 1);
      expect(await take(subscription, 1)).toEqual([message(1)]);
    });

    it('has no messages where there is nothing to listen on', () => {
      const without = createPostgres({ url, namedStatements: false });
      expect(without.capabilities.messaging).toBe(false);
      expect(without.messaging).toBeUndefined();
      const beside = createPostgres({ url, namedStatements: false, listen: { url } });
      expect(beside.capabilities.messaging).toEqual({ scope: 'server' });
      expect(beside.messaging).toBeDefined();
    });

    it.each([
      [{ url: 'nonsense' }, 'listen.url'],
      [{ heartbeatMs: 0 }, 'listen.heartbeatMs'],
      ['nonsense' as never, 'listen'],
    ])('refuses %j', (listen, path) => {
      expect(() => createPostgres({ listen })).toThrow(
        expect.objectContaining({ code: 'invalid_argument', details: { path } }),
      );
    });
  });
});
