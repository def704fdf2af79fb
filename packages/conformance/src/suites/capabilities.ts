import { type Backend, type Capabilities, facetToken, isRecordStore } from '@storage/core';
import { equal, fail, ok, rejects } from '../assert.ts';
import { keyed, lists, queries } from '../needs.ts';
import { defineSuite, type Suite } from '../suite.ts';

type Kind = 'boolean' | 'count' | 'count or null' | 'object' | readonly string[];
type Shape<T> = { readonly [K in keyof T]-?: Kind };

const recordShape: Shape<Exclude<Capabilities['records'], false>> = {
  level: ['keyed', 'full'],
  keys: ['any', 'path'],
  maxValueBytes: 'count',
  metadata: 'boolean',
  maxMetadataBytes: 'count',
  bytes: 'boolean',
  list: ['ordered', 'native', 'none'],
  query: ['indexed', 'scan', 'none'],
  scanLimit: 'count or null',
  sort: 'boolean',
  streams: 'boolean',
  ttl: 'object',
  conditional: ['record', 'data', 'none'],
  conditionalDelete: 'boolean',
  conditionalStreams: 'boolean',
  programOrder: 'boolean',
  createdAt: 'boolean',
  deleteReports: ['exact', 'racy'],
  deleteWhere: ['atomic', 'per-record', 'racy', 'none'],
  atomicBatches: 'boolean',
  namespaces: 'boolean',
};
const vectorShape: Shape<Exclude<Capabilities['vectors'], false>> = {
  metrics: 'object',
  maxDimension: 'count',
  maxLimit: 'count',
  exact: ['always', 'on-request', 'never'],
  deleteWhere: ['atomic', 'per-record', 'racy'],
  atomicUpsert: 'boolean',
  replace: ['atomic', 'racy'],
  maxMetadataBytes: 'count or null',
};
const shape: Shape<Capabilities> = {
  records: 'object',
  vectors: 'object',
  graph: 'object',
  messaging: 'object',
  transactions: 'object',
  facets: 'object',
  abort: ['server', 'client', 'before-start'],
  persistent: 'boolean',
  consistency: ['strong', 'eventual'],
};

/** Fails unless every flag is stated and has a value of its kind, and there is none besides. */
function checkShape(flags: object, kinds: { readonly [name: string]: Kind }, path: string): void {
  equal(Object.keys(flags).sort(), Object.keys(kinds).sort(), `flags of ${path}`);
  for (const [name, kind] of Object.entries(kinds)) {
    const value: unknown = (flags as { readonly [name: string]: unknown })[name];
    const fits =
      kind === 'boolean'
        ? typeof value === 'boolean'
        : kind === 'count'
          ? Number.isInteger(value) && Number(value) > 0
          : kind === 'count or null'
            ? value === null || (Number.isInteger(value) && Number(value) > 0)
            : kind === 'object'
              ? value === false || (typeof value === 'object' && value !== null)
              : kind.includes(value as string);
    ok(fits, `${path}.${name} is ${JSON.stringify(value)}, which is none of what it may be`);
  }
}

const methods = {
  keyed: ['store', 'retrieve', 'delete', 'exists', 'storeMany', 'retrieveMany', 'deleteMany'],
  full: [
    'storeStream',
    'retrieveText',
    'retrieveStream',
    'touch',
    'deleteWhere',
    'list',
    'query',
    'count',
    'iterate',
    'namespace',
    'namespaces',
    'dropNamespace',
  ],
};

function checkFacet(
  backend: Backend,
  name: 'records' | 'vectors' | 'graph' | 'messaging' | 'transactions',
  stated: boolean,
): void {
  equal(backend[name] !== undefined, stated, `whether the backend has ${name}, as capabilities.${name} says`);
}

/** The capabilities literal: complete, and true in both directions. Further flags are shown by the suites that they choose. */
export const capabilitiesSuite: Suite = defineSuite(
  'capabilities',
  () => true,
  (test) => {
    test('complete', 'every flag is stated with a value that it may have, and there is no other', async (t) => {
      const { capabilities } = t;
      checkShape(capabilities, shape, 'capabilities');
      if (capabilities.records !== false) {
        checkShape(capabilities.records, recordShape, 'capabilities.records');
        const { ttl } = capabilities.records;
        if (ttl !== false) checkShape(ttl, { listing: ['exact', 'eventual'] }, 'capabilities.records.ttl');
      }
      if (capabilities.vectors !== false) {
        checkShape(capabilities.vectors, vectorShape, 'capabilities.vectors');
        const { metrics } = capabilities.vectors;
        ok(metrics.length > 0 && new Set(metrics).size === metrics.length, 'metrics are named, none twice');
      }
      if (capabilities.graph !== false) checkShape(capabilities.graph, { maxDepth: 'count' }, 'capabilities.graph');
      if (capabilities.messaging !== false)
        checkShape(capabilities.messaging, { scope: ['process', 'server'] }, 'capabilities.messaging');
      if (capabilities.transactions !== false)
        checkShape(capabilities.transactions, { interactive: 'boolean' }, 'capabilities.transactions');
    });

    test('json-safe', 'the literal is JSON, and the same before and after open', async (t) => {
      equal(JSON.parse(JSON.stringify(t.capabilities)), t.capabilities, 'capabilities as JSON');
      const backend = await t.create();
      equal(backend.capabilities, t.capabilities, 'capabilities of a new backend');
      await backend.open();
      equal(backend.capabilities, t.capabilities, 'capabilities of an open backend');
    });

    test('facets-are-there', 'a facet is there if and only if the capabilities say so', async (t) => {
      const backend = await t.open();
      const { records, vectors, graph, messaging, transactions } = t.capabilities;
      checkFacet(backend, 'records', records !== false);
      checkFacet(backend, 'vectors', vectors !== false);
      checkFacet(backend, 'graph', graph !== false);
      checkFacet(backend, 'messaging', messaging !== false);
      checkFacet(backend, 'transactions', transactions !== false);
    });

    test(
      'level',
      'records have the methods of their level, and a keyed one has no others of the contract',
      keyed,
      async (t) => {
        const { records } = await t.open();
        if (records === undefined) return fail('there are records');
        const has = (name: string): boolean =>
          typeof (records as unknown as { readonly [name: string]: unknown })[name] === 'function';
        for (const name of methods.keyed) ok(has(name), `records.${name} is there`);
        const full = t.recordFlags.level === 'full';
        equal(isRecordStore(records), full, 'isRecordStore');
        for (const name of methods.full) equal(has(name), full, `whether records.${name} is there`);
      },
    );

    test('keyed-flags', 'records of level keyed claim nothing that takes a whole store', keyed, async (t) => {
      const { level, list, query, sort, deleteWhere, namespaces, streams, conditionalStreams } = t.recordFlags;
      if (level === 'full') return;
      equal(
        [list, query, sort, deleteWhere, namespaces, streams, conditionalStreams],
        ['none', 'none', false, 'none', false, false, false],
        'list, query, sort, deleteWhere, namespaces, streams, conditionalStreams',
      );
    });

    test('flags-agree', 'flags that follow from one another agree', keyed, async (t) => {
      const { query, sort, deleteWhere, conditional, conditionalDelete, conditionalStreams, bytes, streams } =
        t.recordFlags;
      if (query === 'none') equal([sort, deleteWhere], [false, 'none'], 'sort and deleteWhere without queries');
      if (conditional === 'none')
        equal(
          [conditionalDelete, conditionalStreams],
          [false, false],
          'conditionalDelete and conditionalStreams without conditions',
        );
      if (!bytes) equal(streams, false, 'streams without bytes');
    });

    test('facet-tokens', 'facet() answers every facet that is named, sorted by id, and no other', async (t) => {
      const backend = await t.open();
      const { facets } = t.capabilities;
      equal(facets, [...new Set(facets)].sort(), 'ids, sorted, none twice');
      for (const id of facets) {
        ok(/^[a-z][a-z0-9-]*\/\d+$/.test(id), `${id} is a name and a version`);
        ok(backend.facet(facetToken(id)) !== undefined, `facet ${id} is there`);
      }
      for (const id of ['no-such-facet/1', '__proto__', 'constructor', ''])
        equal(backend.facet(facetToken(id)), undefined, `facet ${id}`);
    });

    test(
      'graph-depth',
      'a graph refuses to look farther than maxDepth',
      ({ graph }) => graph !== false,
      async (t) => {
        const { graph } = await t.open();
        const { graph: flags } = t.capabilities;
        if (graph === undefined || flags === false)
          return fail('capabilities.graph promises a graph, the backend has none');
        await graph.upsertNodes([{ label: 'N', id: 'a' }]);
        equal(
          await graph.neighbours({ label: 'N', id: 'a' }, { depth: flags.maxDepth }),
          [],
          'neighbours as far as maxDepth',
        );
        await rejects(
          () => graph.neighbours({ label: 'N', id: 'a' }, { depth: flags.maxDepth + 1 }),
          'invalid_argument',
          'neighbours beyond maxDepth',
        );
      },
    );

    test(
      'strong-consistency',
      'a read sees every write that was acknowledged before it',
      ({ consistency, records }) => consistency === 'strong' && records !== false,
      async (t) => {
        const records = await t.keyed();
        for (let round = 0; round < 50; round++) {
          await records.store('k', round);
          equal((await records.retrieve('k'))?.data, round, 'data right after store');
          await records.storeMany([{ key: 'k', data: round + 100 }]);
          equal((await records.retrieveMany(['k']))[0]?.data, round + 100, 'data right after storeMany');
          await records.delete('k');
          equal(await records.exists('k'), false, 'exists right after delete');
        }
      },
    );

    test(
      'strong-lists',
      'lists and counts see every write that was acknowledged before them',
      (capabilities) => capabilities.consistency === 'strong' && lists(capabilities) && queries(capabilities),
      async (t) => {
        const store = await t.store();
        for (let round = 0; round < 20; round++) {
          await store.store(`k${round}`, { round });
          equal(await store.count(), round + 1, 'count right after store');
          equal(
            (await store.query({ filter: { 'data.round': round } })).items.length,
            1,
            'records that a query finds right after store',
          );
          equal((await store.list({ prefix: `k${round}` })).items.length, 1, 'keys right after store');
        }
      },
    );

    test('harness-is-complete', 'the harness can show what the capabilities promise', async (t) => {
      const { harness, capabilities } = t;
      const { persistent, messaging, abort, consistency } = capabilities;
      if (persistent) ok(harness.reopen !== undefined, 'persistent: true demands `reopen` of the harness');
      if (messaging !== false && messaging.scope === 'server')
        ok(harness.reopen !== undefined, 'messaging of scope server demands `reopen` of the harness');
      if (abort !== 'before-start')
        ok(harness.outage !== undefined, `abort: '${abort}' demands \`outage\` of the harness`);
      if (consistency === 'eventual')
        ok(harness.settle !== undefined, "consistency: 'eventual' demands `settle` of the harness");
      ok(
        harness.server.name !== '' && harness.server.version !== '' && harness.server.how !== '',
        'the harness names the server, its version and how it was had',
      );
    });
  },
);
