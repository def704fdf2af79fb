import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import {
  type FaultSubject,
  killFaults,
  ownServer,
  proxyFaults,
  recovered,
  requestFaults,
} from '@storage/faults/testing';
import { createProxy } from '@storage/services';
import { onOwnService } from '@storage/services/testing';
import { Redis } from 'ioredis';
import { createRedis, type RedisBackend, type RedisOptions } from '../src/index.ts';
import { freshPrefix } from './harness.ts';

await onOwnService('redis', () => {
  const server = ownServer('redis');

  async function openBackend(port: number, options: RedisOptions = {}): Promise<RedisBackend> {
    const backend = createRedis({ host: '127.0.0.1', port, prefix: freshPrefix(), ...options });
    await backend.open();
    return backend;
  }

  /** Connections to the server besides the one that asks. */
  async function connections(): Promise<number> {
    const client = new Redis(server().url);
    try {
      return (
        String(await client.client('LIST'))
          .trim()
          .split('\n').length - 1
      );
    } finally {
      client.disconnect();
    }
  }

  describe.each([
    ['with an index', {}],
    ['as a cache', { index: false }],
  ] as const)('faults between Redis and a store %s', (_name, options) => {
    const subject: FaultSubject<RedisBackend> = {
      open: (url, place) => openBackend(Number(new URL(url).port), { ...options, prefix: `${place}:` }),
      reconnects: true,
      resends: false,
      // A server that does not know the script yet is asked twice.
      warmUp: (records) => records.store('first', 0, { ifAbsent: true }),
      connections,
    };
    requestFaults(server, subject);
    proxyFaults(server, subject);
    killFaults(server, subject);
  });

  it('listens again after a lost connection, and tells of the gap', async () => {
    await using proxy = await createProxy({ port: Number(new URL(server().url).port) });
    await using backend = await openBackend(proxy.port);
    const subscription = await backend.messaging.subscribe('news');
    const events = subscription[Symbol.asyncIterator]();
    await backend.messaging.publish('news', 1);
    expect((await events.next()).value).toMatchObject({ type: 'message', data: 1 });
    await proxy.cut();
    await delay(300);
    await proxy.restore();
    expect((await events.next()).value).toEqual({ type: 'gap', channel: 'news', reason: 'reconnected' });
    expect(await recovered(backend)).toBe(true);
    await backend.messaging.publish('news', 2);
    expect((await events.next()).value).toMatchObject({ type: 'message', data: 2 });
  });

  it('opens one store from twenty clients at once', async () => {
    const options = { prefix: freshPrefix() };
    const port = Number(new URL(server().url).port);
    const opened = await Promise.all(Array.from({ length: 20 }, () => openBackend(port, options)));
    expect((await opened[0]?.records.store('a', 1))?.key).toBe('a');
    await Promise.all(opened.map((backend) => backend.close()));
  });
});
