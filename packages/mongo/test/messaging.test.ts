import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, it } from '@jest/globals';
import { checkConformance, type Harness, writeReport } from '@storage/conformance';
import type { Gap, Message, Subscription } from '@storage/core';
import { createProxy } from '@storage/services';
import { onService } from '@storage/services/testing';
import { ownDatabase } from './own-store.ts';

// The server that stands in for a replica set sorts text by UTF-16 and knows no $type in pipelines; filters and sorts are proved on
// the other one. What is asked here is what that one lacks, and what goes with it.
const suites = ['messaging', 'lifecycle', 'health', 'abort-and-deadline'];

await onService('mongo-streams', async (service) => {
  const proxy = await createProxy({ port: Number(new URL(service.url).port) });
  const own = ownDatabase(service.url, proxy.port);
  afterAll(async () => {
    await own.drop();
    await proxy[Symbol.asyncDispose]();
  });
  const harness: Harness = {
    name: 'mongo-streams',
    server: { name: service.server, version: service.version, how: service.how },
    clock: true,
    create: ({ clock }) => own.create({ clock, changeStreams: true }),
    reopen: (backend, { clock }) => own.reopen(backend, { clock }),
    destroy: (backend) => own.destroy(backend),
    outage: { begin: () => proxy.cut(), end: () => proxy.restore() },
  };

  it('keeps what the contract says of messages, over change streams', async () => {
    const report = await checkConformance(harness, {
      only: ({ id }) => suites.some((name) => id.startsWith(`${name}/`)),
    });
    await writeReport(report, 'reports');
    expect(report.suites.map(({ name }) => name).sort()).toEqual([...suites].sort());
    const failed = report.suites.flatMap(({ tests }) => tests.filter(({ passed }) => !passed));
    expect(failed).toEqual([]);
  }, 120_000);

  async function take(events: AsyncIterator<Message | Gap>, count: number): Promise<(Message | Gap)[]> {
    const taken: (Message | Gap)[] = [];
    while (taken.length < count) {
      const next = await events.next();
      if (next.done) break;
      taken.push(next.value);
    }
    return taken;
  }

  it('goes on where it was when the connection is lost, and misses nothing', async () => {
    await using listening = own.create({ changeStreams: true });
    await listening.open();
    await using publishing = own.reopen(listening, { url: service.url });
    await publishing.open();
    const subscription = await listening.messaging?.subscribe('c');
    const events = (subscription as Subscription)[Symbol.asyncIterator]();
    await publishing.messaging?.publish('c', 'before');
    expect(await take(events, 1)).toEqual([{ type: 'message', channel: 'c', data: 'before' }]);
    await proxy.cut();
    for (const data of [1, 2, 3]) await publishing.messaging?.publish('c', data);
    await delay(300);
    await proxy.restore();
    await publishing.messaging?.publish('c', 4);
    expect(await take(events, 4)).toEqual([1, 2, 3, 4].map((data) => ({ type: 'message', channel: 'c', data })));
  }, 30_000);

  it('keeps no messages for long', async () => {
    await using backend = own.create({ collection: 'kept', changeStreams: true });
    await backend.open();
    expect(await own.db.collection('kept.messages').indexes()).toContainEqual(
      expect.objectContaining({ key: { at: 1 }, expireAfterSeconds: 60 }),
    );
  });
});
