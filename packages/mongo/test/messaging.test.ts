import { afterAll, expect, it } from '@jest/globals';
import { checkConformance, type Harness, writeReport } from '@storage/conformance';
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
});
