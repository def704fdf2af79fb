import { describe, expect, it } from '@jest/globals';
import type { Backend, Capabilities } from '@storage/core';
import type { TestContext } from '../src/context.ts';
import { flagTests } from '../src/flags.ts';
import { type ConformanceTest, suites } from '../src/index.ts';

const tests = suites.flatMap((suite) => suite.tests);

/** Capabilities in which every flag is there, so that each can be read. */
const everything: Capabilities = {
  records: {
    level: 'full',
    keys: 'path',
    maxValueBytes: 1000,
    metadata: true,
    maxMetadataBytes: 1000,
    bytes: true,
    list: 'ordered',
    query: 'scan',
    scanLimit: 10,
    sort: true,
    streams: true,
    ttl: { listing: 'exact' },
    conditional: 'record',
    conditionalDelete: true,
    conditionalStreams: true,
    programOrder: true,
    createdAt: true,
    deleteReports: 'exact',
    deleteWhere: 'atomic',
    atomicBatches: true,
    namespaces: true,
  },
  vectors: {
    metrics: ['cosine'],
    maxDimension: 10,
    maxLimit: 10,
    exact: 'on-request',
    deleteWhere: 'atomic',
    atomicUpsert: true,
    replace: 'atomic',
    maxMetadataBytes: 100,
  },
  graph: { maxDepth: 3 },
  messaging: { scope: 'server' },
  transactions: { interactive: true },
  facets: ['x/1'],
  abort: 'client',
  persistent: true,
  consistency: 'strong',
};

/** The same flags, telling the path of each that is read. */
function watched<T extends object>(flags: T, read: Set<string>, path = ''): T {
  return new Proxy(flags, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof name !== 'string' || !Object.hasOwn(target, name)) return value;
      const here = path === '' ? name : `${path}.${name}`;
      read.add(here);
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? watched(value, read, here) : value;
    },
  });
}

/** Anything: whatever is asked of it answers itself. */
const anything: unknown = new Proxy(() => undefined, {
  get: (_target, name) => (name === 'then' || typeof name === 'symbol' ? undefined : anything),
  apply: () => anything,
});

/** The flags that a test reads to decide whether it applies and on its way, until a backend that is none ends it. */
async function flagsRead(test: ConformanceTest): Promise<ReadonlySet<string>> {
  const read = new Set<string>();
  const capabilities = watched(everything, read);
  test.applies(capabilities);
  const context = {
    capabilities,
    harness: {},
    clock: {},
    create: async () => anything as Backend,
    open: async () => anything,
    keyed: async () => anything,
    store: async () => anything,
    vectors: async () => anything,
  } as unknown as TestContext;
  const t = Object.defineProperties(context, {
    recordFlags: { get: () => capabilities.records },
    vectorFlags: { get: () => capabilities.vectors },
  });
  await Promise.race([test.run(t).catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 200))]);
  return read;
}

describe('capability flags', () => {
  it.each(Object.entries(flagTests))('%s is read by %s', async (flag, id) => {
    const test = tests.find((candidate) => candidate.id === id);
    expect(test).toBeDefined();
    if (test !== undefined) expect([...(await flagsRead(test))]).toContain(flag);
  });
});

describe('the suites', () => {
  it('are those of the contract, each with tests of its own name', () => {
    expect(suites.map((suite) => suite.name)).toEqual([
      'capabilities',
      'lifecycle',
      'health',
      'records',
      'bytes-and-streams',
      'batches',
      'conditional-writes',
      'lists-and-cursors',
      'filters',
      'sort',
      'ttl',
      'namespaces',
      'vectors',
      'recall',
      'messaging',
      'transactions',
      'abort-and-deadline',
      'errors',
      'injection',
    ]);
    for (const suite of suites) for (const test of suite.tests) expect(test.id.startsWith(`${suite.name}/`)).toBe(true);
  });

  it('have ids that stand once', () => {
    expect(new Set(tests.map((test) => test.id)).size).toBe(tests.length);
  });
});
