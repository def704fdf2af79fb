import type { Mutant } from '../mutant.ts';

const backend = 'packages/memory/src';
const kit = 'packages/backend-kit/src';
const core = 'packages/core/src';

function memory(suite: string, mutants: readonly Omit<Mutant, 'target' | 'id'>[]): readonly Mutant[] {
  return mutants.map((mutant, index) => ({ ...mutant, target: 'memory', id: `memory-${suite}-${index + 1}` }));
}

/** Broken backends over memory and the backend kit. */
export const memoryMutants: readonly Mutant[] = [
  ...memory('capabilities', [
    {
      file: `${backend}/memory-capabilities.ts`,
      find: 'facets: [],',
      replace: "facets: ['conversations/1'],",
      test: 'capabilities/facet-tokens',
      why: 'abstract-level: a capability that is claimed in the manifest and was never implemented',
    },
    {
      file: `${backend}/memory-capabilities.ts`,
      find: '  persistent: false,\n',
      replace: '',
      test: 'capabilities/complete',
      why: "abstract-level: a flag documented as 'default false' whose base class answers something else",
    },
    {
      file: `${backend}/memory-capabilities.ts`,
      find: 'transactions: false,',
      replace: 'transactions: { interactive: false },',
      test: 'capabilities/facets-are-there',
      alsoFails: ['transactions'],
      why: 'Keyv: options that a backend accepts and states, and nothing behind them',
    },
  ]),
  ...memory('lifecycle', [
    {
      file: `${kit}/lifecycle.ts`,
      find: "if (this.#state !== 'open') throw this.#refusal();",
      replace: "if (this.#state === 'new') throw this.#refusal();",
      test: 'lifecycle/after-close',
      alsoFails: ['messaging'],
      why: 'unstorage: a disposed driver goes on answering from memory',
    },
    {
      file: `${kit}/lifecycle.ts`,
      find: "if (this.#state !== 'open') throw this.#refusal();",
      replace: "if (this.#state === 'closed') throw this.#refusal();",
      test: 'lifecycle/before-open',
      why: 'LangGraph checkpointers: calls before setup() run against tables that are not there yet',
    },
  ]),
  ...memory('health', [
    {
      file: `${kit}/health.ts`,
      find: "return { status: 'unknown', message: `The ${backend} backend is not open yet; await open() first.` };",
      replace: 'return {};',
      test: 'health/unknown-before-open',
      why: 'Mastra: a store that was never initialised reports ready',
    },
    {
      file: `${kit}/health.ts`,
      find: "return { status: 'unhealthy', message: `The ${backend} backend is closed.` };",
      replace: 'return {};',
      test: 'health/unhealthy-after-close',
      why: 'mongoose: readyState is looked at instead of the connection',
    },
    {
      file: `${kit}/health.ts`,
      find: '    // A mistake in the options says nothing about the engine.',
      replace: '    throw error;',
      test: 'health/never-rejects',
      why: 'terminus health indicators: an exception instead of a status takes the endpoint down',
    },
  ]),
  ...memory('records', [
    {
      file: `${kit}/record-rows.ts`,
      find: 'return JSON.parse(text) as JsonValue;',
      replace:
        "const value = JSON.parse(text);\n    return typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value)) ? Number(value) : value;",
      test: 'records/strings-stay-strings',
      alsoFails: ['conditional-writes', 'namespaces'],
      why: 'unstorage (destr): the string "123" comes back as a number',
    },
    {
      file: `${backend}/memory-records.ts`,
      find: 'createdAt: present?.createdAt ?? now,',
      replace: 'createdAt: now,',
      test: 'records/created-at-is-kept',
      why: 'Mastra: an upsert overwrites created_at',
    },
    {
      file: `${kit}/record-encode.ts`,
      find: 'Buffer.byteLength(content) :',
      replace: 'content.length :',
      test: 'records/size-is-in-bytes',
      alsoFails: ['bytes-and-streams'],
      why: 'lru-cache adapters: size counted in UTF-16 units',
    },
  ]),
  ...memory('bytes', [
    {
      file: `${backend}/memory-streams.ts`,
      find: 'parts.push(chunk.slice());',
      replace: 'parts.push(chunk);',
      test: 'bytes-and-streams/stream-with-odd-chunks',
      why: 'minio-js: a source that uses its buffer again corrupts what was sent',
    },
    {
      file: `${backend}/memory-records.ts`,
      find: 'range.offset + range.length;',
      replace: 'range.offset + range.length + 1;',
      test: 'bytes-and-streams/ranges',
      why: 'flystorage: the inclusive end of an HTTP range taken for an exclusive one',
    },
    {
      file: `${kit}/record-streams.ts`,
      find: 'if (isStorageError(error)) throw error;',
      replace: 'if (!isStorageError(error)) return;\n    throw error;',
      test: 'bytes-and-streams/failed-stream-changes-nothing',
      why: 'unstorage: a broken upload leaves half a file that reads like a whole one',
    },
  ]),
  ...memory('batches', [
    {
      file: `${backend}/memory-records.ts`,
      find: 'if (!atomic) return rows.map((row) =>',
      replace: 'if (!atomic) return [...new Map(rows.map((row) => [row.key, row])).values()].map((row) =>',
      test: 'batches/store-many-repeated-key',
      alsoFails: ['records'],
      why: 'DynamoDB stores: a batch is made unique by key, and its answers no longer fit its items',
    },
    {
      file: `${backend}/memory-records.ts`,
      find: 'keys.map((key) => ({ ok: true, value: this.remove(ns, key) }))',
      replace: 'keys.map((key) => ({ ok: true, value: this.remove(ns, key) || true }))',
      test: 'batches/delete-many',
      alsoFails: ['records', 'namespaces', 'ttl'],
      why: 'Keyv: deleteMany answers true whatever was there',
    },
  ]),
  ...memory('conditional', [
    {
      file: `${backend}/memory-records.ts`,
      find: "row.condition?.type === 'match' && present?.etag !==",
      replace: "row.condition?.type === 'match' && present !== undefined && present.etag !==",
      test: 'conditional-writes/if-match-gone',
      alsoFails: ['batches', 'records', 'ttl'],
      why: 'MinIO: If-Match on an object that is gone creates it',
    },
    {
      file: `${kit}/record-encode.ts`,
      find: 'etag: (context.newId ?? randomToken)(),\n      ttlMs: null,',
      replace: 'etag: `W/${size}`,\n      ttlMs: null,',
      test: 'conditional-writes/etag-changes-with-data',
      why: 'send (Express): a weak ETag of size and time stays when the content changes',
    },
    {
      file: `${backend}/memory-records.ts`,
      find: 'if (etag !== undefined && row?.etag !== etag) throw conflict(key);',
      replace: 'if (etag !== undefined && row?.etag !== etag) return false;',
      test: 'conditional-writes/delete-if-match',
      alsoFails: ['ttl'],
      why: 'CouchDB adapters: a lost condition is reported as a miss',
    },
  ]),
  ...memory('lists', [
    {
      file: `${core}/filter/sort.ts`,
      find: 'return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;',
      replace: 'return unit;',
      test: 'lists-and-cursors/order',
      alsoFails: ['filters', 'sort', 'namespaces', 'vectors'],
      why: 'memory-level: keys in the order of UTF-16 units',
    },
    {
      file: `${kit}/cursor.ts`,
      find: 'const text = `1\\n${query}\\n${payload}`;',
      replace: 'const text = `1\\n${payload}`;',
      test: 'lists-and-cursors/cursor-is-bound',
      why: 'Firestore wrappers: a cursor of one query continues another',
    },
    {
      file: `${kit}/cursor.ts`,
      find: 'if (!checksum(query, payload).equals(bytes.subarray(0, checksumBytes))) refuse();',
      replace: '',
      test: 'lists-and-cursors/cursor-is-checked',
      why: 'hand-made page tokens: whatever decodes is believed',
    },
    {
      file: `${backend}/memory-records.ts`,
      find: 'const row = key === after ? undefined : this.#live(ns, key);',
      replace: 'const row = this.#live(ns, key);',
      test: 'lists-and-cursors/order',
      alsoFails: ['filters'],
      why: 'Redis stores: SCAN answers an element twice',
    },
  ]),
  ...memory('filters', [
    {
      file: `${core}/filter/parse.ts`,
      find: "throw unknownOperator(name, at, operators, '');",
      replace: "return { kind: 'true' };",
      test: 'filters/refuses-what-is-no-filter',
      alsoFails: ['errors', 'vectors'],
      why: 'LangGraph PostgreSQL store: an unknown operator is ignored and matches everything',
    },
    {
      file: `${backend}/record-document.ts`,
      find: '!Object.hasOwn(value, key)',
      replace: '!(key in value)',
      test: 'filters/odd-keys',
      alsoFails: ['injection'],
      why: 'sift: `constructor` exists on every document',
    },
    {
      file: `${backend}/memory-records.ts`,
      find: "[...this.#matching(ns, '', filter, undefined)];",
      replace: "[...this.#matching(ns, '', undefined, undefined)];",
      test: 'filters/delete-where',
      alsoFails: ['injection'],
      why: 'Chroma: delete by a filter that was not understood deleted the whole collection',
    },
  ]),
  ...memory('sort', [
    {
      file: `${backend}/memory-records.ts`,
      find: 'return compareCodePoints(a.key, b.key);\n    };',
      replace: 'return 0;\n    };',
      test: 'sort/pages',
      why: 'Mastra: pages by a value that is not unique lose the rows that tie',
    },
  ]),
  ...memory('ttl', [
    {
      file: `${backend}/memory-records.ts`,
      find: 'expiresAt: ttlMs === null ? null : now + ttlMs,',
      replace: 'expiresAt: ttlMs === null ? null : now + Math.ceil(ttlMs / 1000) * 1000,',
      test: 'ttl/milliseconds',
      why: 'Redis stores: EX counts in whole seconds',
    },
    {
      file: `${backend}/memory-records.ts`,
      find: 'const row = this.#live(ns, key);\n    if (row === undefined) return false;',
      replace: 'const row = this.#tables.get(ns)?.rows.get(key);\n    if (row === undefined) return false;',
      test: 'ttl/touch-does-not-revive',
      alsoFails: ['records'],
      why: 'express-session stores: touch brings an expired session back',
    },
    {
      file: `${backend}/memory-records.ts`,
      find: 'const row = key === after ? undefined : this.#live(ns, key);',
      replace: 'const row = key === after ? undefined : table.rows.get(key);',
      test: 'ttl/lists-skip-expired',
      alsoFails: ['records'],
      why: 'MongoDB TTL index: what is expired is listed until the monitor comes round',
    },
  ]),
  ...memory('namespaces', [
    {
      file: `${backend}/memory-namespaces.ts`,
      find: 'path.startsWith(`${ns}/`)',
      replace: 'path.startsWith(ns)',
      test: 'namespaces/drop-recursively',
      alsoFails: ['vectors'],
      why: 'LangGraph store: a prefix of `acme` reaches into `acme-corp`',
    },
  ]),
  ...memory('vectors', [
    {
      file: `${kit}/vector-scores.ts`,
      find: '-Math.sqrt(distance)',
      replace: '-distance',
      test: 'vectors/score-of-itself',
      why: 'Chroma: its l2 is the square of the distance',
    },
    {
      file: `${backend}/memory-vectors.ts`,
      find: 'for (const row of this.#matching(collection, ns, search.filter)) {',
      replace: 'for (const row of this.#matching(collection, ns, undefined)) {',
      test: 'vectors/filtered-search',
      alsoFails: ['injection', 'recall'],
      why: 'Mastra vector stores: a filter that is silently ignored',
    },
    {
      file: `${backend}/memory-vectors.ts`,
      find: 'space.rows.set(row.id, { ...row,',
      replace: 'space.rows.set(row.id, { ...row, content: row.content ?? replaced?.content,',
      test: 'vectors/upsert-replaces',
      why: 'Pinecone update: what is left out stays from the document before',
    },
  ]),
  ...memory('recall', [
    {
      file: `${backend}/memory-vectors.ts`,
      find: 'if (++looked % 10_000 === 0) call.check();',
      replace: 'if (++looked > 2000) break;',
      test: 'recall/closest-of-10000',
      why: 'IVFFlat with one probe: the closest lie in a list that nobody looked at',
    },
    {
      file: `${backend}/memory-vectors.ts`,
      find: 'for (const id of ids) {',
      replace: 'for (const id of ids.slice(0, 500)) {',
      test: 'recall/closest-of-10000',
      why: 'Pinecone: a delete takes 1,000 ids, and a client that does not count loses the rest',
    },
    {
      file: `${backend}/memory-vectors.ts`,
      find: 'vector: row.vector.slice() });',
      replace: 'vector: (rows.length > 600 && replaced?.vector) || row.vector.slice() });',
      test: 'recall/closest-of-10000',
      why: 'hnswlib: an id that is added again in bulk is found where it was before',
    },
  ]),
  ...memory('messaging', [
    {
      file: `${backend}/memory-messaging.ts`,
      find: 'for (const sink of this.#channels.get(channel) ?? []) sink.push(text);',
      replace:
        'for (const [name, sinks] of this.#channels) if (name.startsWith(channel)) for (const sink of sinks) sink.push(text);',
      test: 'messaging/channels',
      why: 'Redis PSUBSCRIBE adapters: a channel reaches those whose names begin like it',
    },
    {
      file: `${kit}/messaging.ts`,
      find: 'if (actual > this.maxPayloadBytes) {',
      replace: 'if (actual > this.maxPayloadBytes * 2) {',
      test: 'messaging/too-large',
      why: 'pg-boss and others over NOTIFY: a payload over 8,000 bytes is found out by the server',
    },
    {
      file: `${backend}/memory-backend.ts`,
      find: 'close: () => messaging[Symbol.asyncDispose](),',
      replace: 'close: () => undefined,',
      test: 'messaging/ends-with-the-backend',
      why: 'ioredis: quit leaves a subscriber waiting for ever',
    },
    {
      file: `${kit}/subscription-queue.ts`,
      find: 'this.#overflowed = true;',
      replace: '',
      test: 'messaging/slow-reader',
      why: 'Redis client-output-buffer-limit: messages are dropped and nobody is told',
    },
  ]),
  ...memory('abort', [
    {
      file: `${kit}/context.ts`,
      find: 'if (call !== unboundedCall) call.check();',
      replace: '',
      test: 'abort-and-deadline/aborted-already',
      why: 'Keyv and unstorage drivers: the signal is never read',
    },
    {
      file: `${kit}/call.ts`,
      find: 'assertOptions({ signal, timeoutMs });',
      replace: '',
      test: 'abort-and-deadline/bad-limits',
      why: 'axios: a timeout of NaN is no timeout',
    },
  ]),
  ...memory('errors', [
    {
      file: `${core}/values.ts`,
      find: 'if (!Number.isFinite(value))',
      replace: "if (value !== value && path === '')",
      test: 'errors/bad-values',
      alsoFails: ['batches', 'messaging', 'vectors'],
      why: 'Keyv: NaN and Infinity are stored as null',
    },
  ]),
  ...memory('injection', [
    {
      file: `${kit}/record-plan.ts`,
      find: "if (direction !== 'asc' && direction !== 'desc')",
      replace: "if (typeof direction !== 'string')",
      test: 'injection/sort-and-select',
      alsoFails: ['sort'],
      why: 'list endpoints that paste the direction of a sort into ORDER BY',
    },
  ]),
];
