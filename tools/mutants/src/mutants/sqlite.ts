import type { Mutant } from '../mutant.ts';

const backend = 'packages/sqlite/src';
const sql = 'packages/sql/src';
const kit = 'packages/backend-kit/src';
const core = 'packages/core/src';

function sqlite(
  suite: string,
  mutants: readonly (Omit<Mutant, 'target' | 'id'> & { readonly target?: 'sqlite-file' })[],
): readonly Mutant[] {
  return mutants.map((mutant, index) => ({ target: 'sqlite', ...mutant, id: `sqlite-${suite}-${index + 1}` }));
}

/** Broken backends over SQLite and its SQL. */
export const sqliteMutants: readonly Mutant[] = [
  ...sqlite('capabilities', [
    {
      file: `${backend}/sqlite-capabilities.ts`,
      find: 'messaging: false,\n    ',
      replace: "messaging: { scope: 'process' },\n    ",
      test: 'capabilities/facets-are-there',
      alsoFails: ['messaging'],
      why: 'a capability flag that nothing sets or reads, as in LangChain vector stores',
    },
  ]),
  ...sqlite('lifecycle', [
    {
      file: `${kit}/lifecycle.ts`,
      find: "      this.#state = 'closing';\n",
      replace: '',
      test: 'lifecycle/refused-while-closing',
      why: 'BullMQ and ioredis: commands are taken after quit, and lost',
    },
    {
      target: 'sqlite-file',
      file: `${backend}/sqlite-connection.ts`,
      find: 'return new Database(path, {',
      replace: "return new Database(':memory:', {",
      test: 'lifecycle/persists',
      alsoFails: ['lists-and-cursors', 'transactions', 'vectors'],
      why: 'LangGraph SqliteSaver: the default connection is in memory, and the history is gone after a restart',
    },
  ]),
  ...sqlite('health', [
    {
      file: `${backend}/sqlite-health.ts`,
      find: "return { status: 'healthy', details };",
      replace: "return { status: 'healthy', details: { ...details, checked: new Map([['at', 1]]) } };",
      test: 'health/healthy',
      why: 'health pages that fail on JSON.stringify, or show {}, because of a Map or a BigInt in the details',
    },
  ]),
  ...sqlite('records', [
    {
      file: `${sql}/records.ts`,
      find: 'metadata = excluded.metadata, data = excluded.data, bytes = NULL',
      replace: 'data = excluded.data, bytes = NULL',
      test: 'records/store-replaces-metadata',
      alsoFails: ['batches'],
      why: 'LangChain PostgresRecordManager: an upsert that leaves columns as they were',
    },
    {
      file: `${sql}/records.ts`,
      find: "const point = 'namespace = ? AND key = ?';",
      replace: "const point = 'namespace = ? AND key LIKE ?';",
      test: 'records/keys-are-distinct',
      alsoFails: ['injection'],
      why: 'key-value tables asked with LIKE: wildcards and case in a key meet other keys',
    },
    {
      file: `${backend}/sqlite-records.ts`,
      find: 'if (queue === undefined || queue.idle) return',
      replace: 'if (this.#session !== undefined) return',
      test: 'records/program-order',
      why: 'write-behind caches: a read does not see a write that is still queued',
    },
  ]),
  ...sqlite('bytes', [
    {
      file: `${kit}/chunks.ts`,
      find: '        yield piece;\n        piece = new Uint8Array(chunkBytes);',
      replace: '        yield piece;',
      test: 'bytes-and-streams/round-trips-streams',
      why: 'multipart uploaders: a part buffer that is filled again before it was sent',
    },
    {
      file: `${sql}/rows.ts`,
      find: 'content: new Uint8Array(row.content) }',
      replace: 'content: row.content }',
      test: 'bytes-and-streams/bytes-are-copies',
      why: 'node-redis: a Buffer that is changed after set() and before the flush',
    },
    {
      file: `${backend}/sqlite-streams.ts`,
      find: '.subarray(offset - start, end - start);',
      replace: '.subarray(0, end - start);',
      test: 'bytes-and-streams/ranges',
      why: 'GridFS wrappers: a range is applied to the first chunk alone',
    },
  ]),
  ...sqlite('batches', [
    {
      file: `${backend}/sqlite-record-rows.ts`,
      find: 'return keys.map((key) => {',
      replace: 'return [...found.keys()].map((key) => {',
      test: 'batches/retrieve-many',
      alsoFails: ['abort-and-deadline', 'bytes-and-streams', 'namespaces', 'records', 'transactions', 'ttl'],
      why: 'LangChain byte stores over MongoDB: mget answers in the order of the engine, without the misses',
    },
    {
      file: `${backend}/sqlite-records.ts`,
      find: 'if (!atomic) return this.#writes',
      replace: 'if (ops.length > 0) return this.#writes',
      test: 'batches/atomic-store-fails-whole',
      why: 'LangGraph store: batch() that is not one transaction',
    },
  ]),
  ...sqlite('conditional', [
    {
      file: `${sql}/records.ts`,
      find: 'WHERE ${point} AND etag = ? AND ${live}${dialect.returning}',
      replace: 'WHERE ${point} AND (etag = ? OR TRUE) AND ${live}${dialect.returning}',
      test: 'conditional-writes/if-match-stale',
      alsoFails: ['bytes-and-streams', 'errors', 'injection'],
      why: 'S3-compatible servers that ignore If-Match',
    },
    {
      file: `${sql}/records.ts`,
      find: ' WHERE storage_records.expires_at <= excluded.updated_at${dialect.returning}',
      replace: '${dialect.returning}',
      test: 'conditional-writes/if-absent-keeps',
      alsoFails: ['batches', 'bytes-and-streams', 'errors', 'namespaces', 'records', 'transactions', 'ttl'],
      why: 'Keyv-based locks: "set if absent" that sets',
    },
  ]),
  ...sqlite('lists', [
    {
      file: `${sql}/records.ts`,
      find: "fragment('key >= ? AND key < ?', prefix, end)",
      replace: "fragment('key LIKE ?', `${prefix}%`)",
      test: 'lists-and-cursors/prefix',
      alsoFails: ['injection'],
      why: 'unstorage database driver: a prefix handed to LIKE as it is',
    },
    {
      file: `${backend}/sqlite-records.ts`,
      find: 'if (more) found.pop();',
      replace: '',
      test: 'lists-and-cursors/limit',
      alsoFails: ['ttl'],
      why: 'pagers that ask for one row more than is shown, and show it',
    },
  ]),
  ...sqlite('filters', [
    {
      file: `${sql}/filter.ts`,
      find: '`(${text}) IS NOT TRUE`',
      replace: '`NOT (${text})`',
      test: 'filters/complements-match-missing',
      alsoFails: ['vectors'],
      why: 'Mastra and LangGraph on PostgreSQL: `<>` of NULL drops the documents without the field',
    },
    {
      file: `${core}/filter/parse.ts`,
      find: "    return parseOperator(parsing, path, name, value, here, depth);\n  });\n  return { kind: 'and', children };",
      replace:
        "    return parseOperator(parsing, path, name, value, here, depth);\n  });\n  return { kind: 'and', children: children.slice(0, 1) };",
      test: 'filters/ranges',
      alsoFails: ['vectors', 'recall'],
      why: 'Mastra PG 0.17.10: `{ $gt, $lt }` drops `$lt`',
    },
    {
      file: `${sql}/sqlite-json.ts`,
      find: "fragment(`${type} IN ${numberTypes}`), typedCondition(value, leaf, 'number')]",
      replace: "typedCondition(value, leaf, 'number')]",
      test: 'filters/equality-is-strict',
      alsoFails: ['vectors'],
      why: 'SQLite JSON stores: json_extract makes true equal 1',
    },
    {
      file: `${sql}/conditions.ts`,
      find: 'return fragment(`${text} >= ? AND ${text} < ?`, leaf.value, end);',
      replace: 'return fragment(`${text} LIKE ?`, `${leaf.value}%`);',
      test: 'filters/starts-with',
      alsoFails: ['vectors'],
      why: 'ORMs: startsWith as LIKE, which folds case and takes wildcards',
    },
    {
      file: `${core}/filter/normal-form.ts`,
      find: 'return value === undefined ? no :',
      replace: 'return value === undefined ? yes :',
      test: 'filters/empty-operands',
      alsoFails: ['vectors'],
      why: 'LangGraph PG: an empty $in is left out and matches everything',
    },
  ]),
  ...sqlite('sort', [
    {
      file: `${sql}/page.ts`,
      find: "order: [on(rank, ' IS NULL'), on(rank, direction)",
      replace: 'order: [on(rank, direction)',
      test: 'sort/types',
      why: 'ORMs: NULL comes first or last as the engine likes',
    },
    {
      file: `${sql}/sqlite-json.ts`,
      find: 'THEN CAST(${value} AS REAL) END',
      replace: 'THEN CAST(${value} AS TEXT) END',
      test: 'sort/numbers',
      why: "LangChain PGVector: metadata->>'n' sorts 10 before 9",
    },
  ]),
  ...sqlite('ttl', [
    {
      file: `${sql}/records.ts`,
      find: 'expires_at = NULL, size',
      replace: 'size',
      test: 'ttl/store-clears-expiry',
      why: 'cache adapters with KEEPTTL: a record stored for ever vanishes',
    },
    {
      file: `${sql}/records.ts`,
      find: "const live = '(expires_at IS NULL OR expires_at > ?)';",
      replace: "const live = '(expires_at IS NULL OR expires_at >= ?)';",
      test: 'ttl/milliseconds',
      why: 'DynamoDB TTL wrappers: a record at its very end is still there for one call and gone for another',
    },
  ]),
  ...sqlite('namespaces', [
    {
      file: `${sql}/records.ts`,
      find: "'(namespace = ? OR (namespace > ? AND namespace < ?))', namespace, `${namespace}/`, `${namespace}0`",
      replace: "'(namespace = ? OR namespace LIKE ?)', namespace, `${namespace}/%`",
      test: 'namespaces/drop-wildcards',
      why: 'LangGraph PG store: a namespace with a wildcard deletes those of others',
    },
    {
      file: `${core}/keys.ts`,
      find: ".replaceAll('/', '~1')",
      replace: '',
      test: 'namespaces/slash-is-no-child',
      alsoFails: ['injection', 'vectors'],
      why: 'Keyv namespaces: a separator in a name leads into another one',
    },
  ]),
  ...sqlite('vectors', [
    {
      file: `${backend}/sqlite-vector-scores.ts`,
      find: "cosine: '1 - vec_distance_cosine(vector, ?)',",
      replace: "cosine: 'vec_distance_cosine(vector, ?)',",
      test: 'vectors/score-of-itself',
      alsoFails: ['recall'],
      why: 'LangChain: a distance handed out as a score, so that the farthest comes first',
    },
    {
      file: `${backend}/sqlite-vectors.ts`,
      find: 'ORDER BY 2 DESC, 3${',
      replace: 'ORDER BY 2 DESC, 1${',
      test: 'vectors/ties-by-id',
      why: 'approximate indexes: which of equal documents comes back differs from call to call',
    },
    {
      file: `${backend}/sqlite-vector-cache.ts`,
      find: 'if (kept?.version === query.version) return kept;',
      replace: 'if (kept !== undefined) return kept;',
      test: 'vectors/search-sees-writes',
      alsoFails: ['recall'],
      why: 'FAISS and hnswlib document stores: the index in memory does not hear of later deletes',
    },
    {
      file: `${backend}/sqlite-vectors.ts`,
      find: 'vectorSelection({ collection: (collection as Collection).id, namespace: ns, after, filter })',
      replace:
        'vectorSelection({ collection: (collection as Collection).id, namespace: ns, after, filter: undefined })',
      test: 'vectors/iterate',
      why: 'vector stores whose listing takes a filter and ignores it',
    },
    {
      file: `${kit}/vector-encode.ts`,
      find: 'createdAt: checkCreatedAt(input.createdAt) ?? now',
      replace: 'createdAt: now',
      test: 'vectors/created-at',
      why: 'vector stores that date a document that is moved by the day of the move',
    },
    {
      file: `${kit}/vector-collection.ts`,
      find: 'parseMetadata(includeMetadata ? row.metadata :',
      replace: 'parseMetadata(row.metadata !== undefined ? row.metadata :',
      test: 'vectors/include-metadata',
      why: 'options of a read that a driver takes and does not look at',
    },
    {
      file: `${kit}/vector-settings.ts`,
      find: 'if (text.length !== 24) return false;',
      replace: "if (text.includes('T')) return true;",
      test: 'vectors/dates-are-instants',
      why: 'Qdrant: a datetime is parsed from many spellings, which as texts are in another order',
    },
    {
      file: `${kit}/vector-texts.ts`,
      find: 'embed.model !== undefined && embeddingModel !== undefined && embed.model !== embeddingModel',
      replace: 'embed.model === null && embeddingModel !== undefined && embed.model !== embeddingModel',
      test: 'vectors/wrong-embedders',
      why: 'Chroma before it kept the embedding function: vectors of two models in one collection',
    },
  ]),
  ...sqlite('transactions', [
    {
      file: `${backend}/sqlite-engine.ts`,
      find: 'connection.rollback();\n      throw error;',
      replace: 'connection.commit();\n      throw error;',
      test: 'transactions/interactive-rolls-back',
      why: 'session helpers that commit in `finally`',
    },
    {
      file: `${backend}/sqlite-writes.ts`,
      find: 'return this.#rows.connection.transaction(() =>\n      ops.map((op, index) => {',
      replace: 'return ((work) => work())(() =>\n      ops.map((op, index) => {',
      test: 'transactions/run-undoes-all',
      alsoFails: ['batches'],
      why: 'MongoDB stores on a standalone server: the steps run, the transaction is pretended',
    },
    {
      file: `${backend}/sqlite-engine.ts`,
      find: 'if (!this.occupied && this.#line === undefined) {',
      replace: 'if (task !== undefined) {',
      test: 'transactions/others-are-apart',
      why: 'better-sqlite3 shared by callers: a rollback takes the writes of others along',
    },
    {
      file: `${backend}/sqlite-engine.ts`,
      find: 'if (this.#held === undefined || this.#openSecond !== undefined) {',
      replace: 'if (task !== undefined) {',
      test: 'transactions/interactive-is-unseen',
      why: 'better-sqlite3 shared by callers: a reader sees what is rolled back later',
    },
  ]),
  ...sqlite('abort', [
    {
      file: `${kit}/record-streams.ts`,
      find: 'await raceCall(Promise.resolve(source.next()), call);',
      replace: 'await source.next();',
      test: 'abort-and-deadline/stalled-stream-times-out',
      why: 'uploads that hang for ever when the sender does',
    },
    {
      file: `${kit}/call.ts`,
      find: 'if (this.#caller?.aborted) throw abortedError(this.#caller);',
      replace: '',
      test: 'abort-and-deadline/aborted-already',
      alsoFails: ['vectors'],
      why: 'drivers that take a signal and never look at it',
    },
  ]),
  ...sqlite('errors', [
    {
      file: `${kit}/context.ts`,
      find: 'return withContext(error, { backend: this.context.name, operation, key, applied });',
      replace: 'return withContext(error, { backend: this.context.name, operation, key: undefined, applied });',
      test: 'errors/says-where',
      why: 'LangChain stores: an error that does not say which key',
    },
    {
      file: `${kit}/context.ts`,
      find: "(call === undefined ? 'no' : defaultApplied(error.code))",
      replace: "(call === undefined ? 'unknown' : defaultApplied(error.code))",
      test: 'errors/applied-of-refused-writes',
      alsoFails: ['abort-and-deadline'],
      why: 'the MongoDB driver: a write refused before it was sent looks like one that may have happened',
    },
    {
      file: `${core}/keys.ts`,
      find: 'const actual = utf8Length(value);',
      replace: 'const actual = value.length;',
      test: 'errors/long-keys',
      why: 'key columns limited in characters while the engine counts bytes',
    },
  ]),
  ...sqlite('injection', [
    {
      file: `${sql}/fragment.ts`,
      find: `return \`'\${text.replaceAll("'", "''")}'\`;`,
      replace: "return `'${text}'`;",
      test: 'injection/filter-paths',
      alsoFails: ['filters'],
      why: 'LangChain and Mastra SQL stores: a filter key pasted into the statement',
    },
    {
      file: `${sql}/records.ts`,
      find: "if (!recursive) return fragment('namespace = ?', namespace);",
      replace: "if (!recursive) return fragment(`namespace = '${namespace}'`);",
      test: 'injection/namespaces',
      why: 'tenant names pasted into a WHERE clause',
    },
  ]),
];
