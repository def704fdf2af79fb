import type { CallOptions } from './call.ts';
import { invalidArgument, isStorageError, StorageError } from './errors.ts';
import type { Filter, RecordFilter } from './filter/types.ts';
import type { JsonObject, JsonValue, Metadata } from './json.ts';
import { utf8Length } from './keys.ts';
import type { Provider } from './provider.ts';
import type { StoredRecord } from './records.ts';
import { encodeJson } from './values.ts';
import type { VectorDocument, VectorInput } from './vectors.ts';

/** What the DataManager keeps in a document's metadata beside the caller's own; these names are reserved. */
interface Reserved {
  readonly _key: string;
  /** The members of the data beside `text` and `vector`. */
  readonly _data: JsonObject;
  /** ISO text. */
  readonly _createdAt: string;
  /** Milliseconds since 1970. */
  readonly _expiresAt?: number;
  /** The vector is the embedder's, no part of the data. */
  readonly _embedded?: true;
}
const reservedNames = ['_key', '_data', '_createdAt', '_expiresAt', '_embedded'];

const roots: { readonly [root: string]: string } = {
  key: '_key',
  createdAt: '_createdAt',
  updatedAt: '_createdAt',
  data: '_data',
};

/** A path from the record's start as one in the document's metadata: `metadata.a` → `a`, `data.b` → `_data.b`. */
function documentPath(path: string): string {
  const dot = path.indexOf('.');
  const root = dot < 0 ? path : path.slice(0, dot);
  const rest = dot < 0 ? '' : path.slice(dot);
  // A `$` at the very start would be read as an operator.
  if (root === 'metadata' && rest !== '') return rest.slice(1).replace(/^\$/, '\\$');
  if (/^data\.(text|vector)(\.|$)/.test(path))
    throw new StorageError({
      code: 'unsupported_filter',
      message: `a vector provider does not filter by '${path}'; keep what you filter by in metadata or another member.`,
      details: { path },
    });
  const home = Object.hasOwn(roots, root) ? roots[root] : undefined;
  if (home === undefined)
    throw invalidArgument(`filter path '${path}' must start with data., metadata., key, createdAt or updatedAt.`, {
      path,
    });
  return home + rest;
}

function documentFilter(filter: unknown, depth = 0): Filter<JsonObject> {
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter))
    throw invalidArgument('a filter must be an object.');
  if (depth > 32) throw invalidArgument('the filter is nested deeper than 32 levels.');
  const entries = Object.entries(filter).map(([key, value]): [string, unknown] => {
    if (key === '$not') return [key, documentFilter(value, depth + 1)];
    if (!key.startsWith('$')) return [documentPath(key), value];
    return [key, Array.isArray(value) ? value.map((member) => documentFilter(member, depth + 1)) : value];
  });
  return Object.fromEntries(entries) as Filter<JsonObject>;
}

/** The caller's filter as one on documents, narrowed to what is not expired. */
export function liveFilter(filter: RecordFilter | undefined, now: number): Filter<JsonObject> {
  const live = { $not: { _expiresAt: { $lte: now } } };
  return (filter === undefined ? live : { $and: [documentFilter(filter), live] }) as Filter<JsonObject>;
}

/** Data as a document: `vector` (or the embedder's, of `text`), `text` as content, the rest under reserved names. */
export async function toDocument(
  provider: Provider,
  key: string,
  data: unknown,
  metadata: Metadata,
  times: { readonly now: number; readonly expiresAt: number | undefined },
  call: CallOptions,
): Promise<VectorInput> {
  if (typeof data !== 'object' || data === null || Array.isArray(data) || ArrayBuffer.isView(data)) {
    throw invalidArgument(
      `Provider '${provider.name}' keeps vectors: data must be an object with \`vector\`, or with \`text\` and an embedder.`,
    );
  }
  const { vector, text, ...rest } = data as { readonly vector?: unknown; readonly text?: unknown };
  if (text !== undefined && typeof text !== 'string')
    throw invalidArgument('data.text must be a string.', { path: 'data.text' });
  const reserved = reservedNames.find((name) => Object.hasOwn(metadata, name));
  if (reserved !== undefined)
    throw invalidArgument(`metadata.${reserved} is a reserved name on vector providers.`, {
      path: `metadata.${reserved}`,
    });
  const own: Reserved = {
    _key: key,
    _data: JSON.parse(encodeJson(rest, 'data')) as JsonObject,
    _createdAt: new Date(times.now).toISOString(),
    ...(times.expiresAt !== undefined && { _expiresAt: times.expiresAt }),
    ...(vector === undefined && { _embedded: true }),
  };
  const made = vector === undefined ? await embed(provider, text, call) : vector;
  const numbers = typeof made === 'object' && made !== null ? Array.from(made as ArrayLike<number>) : [];
  if (numbers.length === 0 || !numbers.every(Number.isFinite))
    throw invalidArgument('data.vector must be an array of finite numbers.', { path: 'data.vector' });
  return { id: key, vector: numbers, content: text, metadata: { ...metadata, ...own } };
}

async function embed(provider: Provider, text: string | undefined, call: CallOptions): Promise<unknown> {
  if (provider.embedder === undefined || text === undefined) {
    throw invalidArgument(
      `data has no vector; pass data.vector, or data.text and register provider '${provider.name}' with an embedder.`,
      { path: 'data.vector' },
    );
  }
  return (await provider.embedder([text], call))[0];
}

/** Stores a document, making the collection when it is not there. */
export async function upsertDocument(provider: Provider, document: VectorInput, call: CallOptions): Promise<void> {
  const store = provider.vectors('store');
  const collection = store.collection(provider.collection);
  try {
    await collection.upsert([document], call);
  } catch (error) {
    if (!isStorageError(error, 'not_found')) throw error;
    await store.createCollection(provider.collection, {
      dimension: document.vector.length,
      ifAbsent: true,
      ...call,
    });
    await collection.upsert([document], call);
  }
}

/** A 32-bit float in the fewest digits that stand for it: what was stored as 0.1 is 0.1 again. */
function decimal(value: number): number {
  for (let digits = 6; digits < 10; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/** A document as the record that was stored. A replaced one has lost when it was first stored: both its times are the last one. */
export function toRecord(document: VectorDocument<JsonObject>): StoredRecord {
  const { _key, _data, _createdAt, _expiresAt, _embedded, ...metadata } = document.metadata as JsonObject &
    Partial<Reserved>;
  const data: JsonValue = {
    ...(document.content !== undefined && { text: document.content }),
    ...(_embedded !== true && { vector: document.vector.map(decimal) }),
    ..._data,
  };
  const createdAt = new Date(_createdAt ?? 0);
  return {
    key: document.id,
    kind: 'json',
    etag: '',
    createdAt,
    updatedAt: createdAt,
    ...(_expiresAt !== undefined && { expiresAt: new Date(_expiresAt) }),
    size: utf8Length(JSON.stringify(data)),
    contentType: 'application/json',
    metadata: metadata as JsonObject,
    data,
  };
}
