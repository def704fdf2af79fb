import type { Capabilities } from '@storage/core';

/** The dotted paths of the flags below T: of an object that may be `false` its own path too. */
type PathsOf<T, Prefix extends string> = {
  [K in keyof T & string]: T[K] extends readonly unknown[] | string | number | boolean | null
    ? `${Prefix}${K}`
    : `${Prefix}${K}` | PathsOf<Exclude<T[K], false>, `${Prefix}${K}.`>;
}[keyof T & string];

/** Every flag: `records.ttl`, `records.ttl.listing`, `abort`. */
export type FlagPath = PathsOf<Capabilities, ''>;

/**
 * For each flag a test that reads it and fails where the backend does otherwise. A flag that is added to the capabilities and not
 * here does not compile; the kit's own tests show that each of these tests does read its flag.
 */
export const flagTests: { readonly [Path in FlagPath]: string } = {
  records: 'capabilities/facets-are-there',
  'records.level': 'capabilities/level',
  'records.keys': 'records/path-keys-only',
  'records.maxValueBytes': 'records/too-large-value',
  'records.metadata': 'records/metadata-not-kept',
  'records.maxMetadataBytes': 'records/too-large-metadata',
  'records.bytes': 'bytes-and-streams/no-bytes',
  'records.list': 'lists-and-cursors/no-lists',
  'records.query': 'filters/no-queries',
  'records.scanLimit': 'filters/scan-limit',
  'records.sort': 'sort/no-sort',
  'records.streams': 'bytes-and-streams/streams-in-pieces',
  'records.ttl': 'ttl/no-ttl',
  'records.ttl.listing': 'ttl/lists-skip-expired',
  'records.conditional': 'conditional-writes/unconditional-store',
  'records.conditionalDelete': 'conditional-writes/no-conditional-delete',
  'records.conditionalStreams': 'bytes-and-streams/no-stream-conditions',
  'records.programOrder': 'records/program-order',
  'records.createdAt': 'records/created-at-missing',
  'records.deleteReports': 'records/delete-reports-races',
  'records.deleteWhere': 'filters/no-delete-where',
  'records.atomicBatches': 'batches/atomic-is-unsupported',
  'records.namespaces': 'namespaces/no-namespaces',
  vectors: 'capabilities/facets-are-there',
  'vectors.metrics': 'vectors/metrics',
  'vectors.maxDimension': 'vectors/largest-dimension',
  'vectors.maxLimit': 'vectors/search-limits',
  'vectors.exact': 'vectors/exact',
  'vectors.deleteWhere': 'vectors/delete-where',
  'vectors.atomicUpsert': 'vectors/upsert-is-whole',
  'vectors.replace': 'vectors/stored-at-once',
  'vectors.maxMetadataBytes': 'vectors/too-large-metadata',
  graph: 'capabilities/facets-are-there',
  'graph.maxDepth': 'capabilities/graph-depth',
  messaging: 'capabilities/facets-are-there',
  'messaging.scope': 'messaging/reaches-the-server',
  transactions: 'capabilities/facets-are-there',
  'transactions.interactive': 'transactions/not-interactive',
  facets: 'capabilities/facet-tokens',
  abort: 'abort-and-deadline/abort-frees-the-caller',
  persistent: 'lifecycle/persists',
  consistency: 'capabilities/strong-consistency',
};
