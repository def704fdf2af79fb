import type { CallOptions, Outcome, Page, PageOptions } from './call.ts';
import { invalidArgument, isStorageError, outcome, StorageError, toStorageError } from './errors.ts';
import { envelop, timeToLive, unwrap } from './expiry.ts';
import type { RecordFilter } from './filter/types.ts';
import { uuidv7 } from './ids.ts';
import type { JsonObject, JsonValue, Metadata, MetadataInput, Storable } from './json.ts';
import { type Provider, providerQueryFacet } from './provider.ts';
import type { Query, RecordInfo, StoredRecord, StoreOptions } from './records.ts';
import { type DataReference, parseReferenceUri, type ReferenceAddress } from './reference.ts';
import { encodeJson, isByteStream, isBytes } from './values.ts';
import { liveFilter, toDocument, toRecord, upsertDocument } from './vector-records.ts';

export interface DataStoreOptions extends StoreOptions {
  /** Missing: a UUIDv7 is made. */
  readonly key?: string | undefined;
  /** `ttl`, a positive number of seconds, is kept and sets the expiry, on every provider; beside `ttlMs` it is `invalid_argument`. */
  readonly metadata?: MetadataInput | undefined;
}

/** One member of `storeMany`. */
export interface DataItem extends Omit<DataStoreOptions, keyof CallOptions> {
  readonly data: Storable | AsyncIterable<Uint8Array>;
}

export interface DataQueryOptions extends CallOptions {
  /** The most results. Missing: 100, for `search` 10. */
  readonly limit?: number | undefined;
}

export interface DataSearchOptions extends DataQueryOptions {
  /** Paths start at the record, as everywhere in the DataManager: `metadata.category`. */
  readonly filter?: RecordFilter | undefined;
}

export interface DataListOptions extends PageOptions {
  readonly prefix?: string | undefined;
}

/** One match of a search: the data, its score (higher is closer), and where it lies. */
export type SearchResult<T = JsonValue> = readonly [data: T, score: number, reference: DataReference];

/** Finds providers for a `DataAccess`, refusing those that it may not use. */
export interface ProviderSource {
  /** The provider, open; an unknown name is `not_registered`. */
  provider(name: string, operation: string, options?: CallOptions): Promise<Provider>;
  /** Runs one operation on a provider, which is where usage is counted. */
  run<T>(provider: Provider, operation: string, work: () => Promise<T>): Promise<T>;
}

/** Data on named providers: what the DataManager, an agent's view and a wrapped function's `.storage` have in common. */
export class DataAccess {
  readonly #source: ProviderSource;

  constructor(source: ProviderSource) {
    this.#source = source;
  }

  /** Stores data and answers where it lies. */
  store(
    providerName: string,
    data: Storable | AsyncIterable<Uint8Array>,
    options: DataStoreOptions = {},
  ): Promise<DataReference> {
    return this.#on(providerName, 'store', options, async (provider) => {
      const { key = uuidv7(), metadata: given, ttlMs: ownTtl, ...rest } = options;
      const ttlMs = timeToLive(given, ownTtl);
      const metadata = JSON.parse(encodeJson(given ?? {}, 'metadata')) as Metadata;
      const now = Date.now();
      const expiresAt = ttlMs === undefined ? undefined : now + ttlMs;
      if (provider.vectorHome !== undefined) {
        if (rest.ifAbsent !== undefined || rest.ifMatch !== undefined)
          provider.refuse('store', 'keeps vectors and has no conditional writes');
        const document = await toDocument(provider, key, data, metadata, { now, expiresAt }, rest);
        await upsertDocument(provider, document, rest);
        return reference(provider, { key, metadata, updatedAt: new Date(now), expiresAt });
      }
      const native = keepsExpiry(provider);
      const write: StoreOptions = { ...rest, metadata, ...(native && { ttlMs }) };
      const stream = isByteStream(data);
      if ((stream || isBytes(data)) && expiresAt !== undefined && !native)
        provider.refuse('store', 'has no expiry for bytes');
      const info = stream
        ? await provider.records('store of a stream').storeStream(key, data, write)
        : await provider.keyed('store').store(key, native ? data : envelop(data, expiresAt), write);
      return reference(provider, { ...info, metadata, expiresAt });
    });
  }

  /** The data of a reference or of its URI; `undefined` when there is none. A reference whose time is over is `expired`. */
  async retrieve<T = JsonValue>(target: DataReference | string, options?: CallOptions): Promise<T | undefined> {
    return (await this.getRecord<T>(target, options))?.data;
  }

  /** The data under a key; `undefined` when there is none or it is expired. */
  async retrieveByKey<T = JsonValue>(providerName: string, key: string, options?: CallOptions): Promise<T | undefined> {
    return (await this.getRecordByKey<T>(providerName, key, options))?.data;
  }

  /** As `retrieve`, with what is known of the record. */
  async getRecord<T = JsonValue>(
    target: DataReference | string,
    options?: CallOptions,
  ): Promise<StoredRecord<T> | undefined> {
    const address: ReferenceAddress & Pick<Partial<DataReference>, 'expiresAt'> =
      typeof target === 'string' ? parseReferenceUri(target) : target;
    if (address.expiresAt !== undefined && new Date(address.expiresAt).getTime() <= Date.now()) {
      throw new StorageError({
        code: 'expired',
        message:
          'the time of this reference is over; store the data again, with a longer ttl if it has to live longer.',
        key: address.key,
      });
    }
    return this.getRecordByKey<T>(address.storageType, address.key, options);
  }

  getRecordByKey<T = JsonValue>(
    providerName: string,
    key: string,
    options?: CallOptions,
  ): Promise<StoredRecord<T> | undefined> {
    return this.#on(providerName, 'retrieve', options, async (provider) => {
      const vectors = provider.vectorHome;
      if (vectors === undefined) return live(provider, await provider.keyed('retrieve').retrieve<T>(key, options));
      const collection = vectors.collection<JsonObject>(provider.collection);
      const [document] = await missing(() => collection.get([key], { ...options, includeVectors: true }), []);
      return live(provider, document && toRecord(document)) as StoredRecord<T> | undefined;
    });
  }

  /** Removes what a reference or its URI points to; answers whether it was there. (What expired on a provider that keeps no expiry itself still counts.) */
  async delete(target: DataReference | string, options?: CallOptions): Promise<boolean> {
    const address = typeof target === 'string' ? parseReferenceUri(target) : target;
    return this.deleteByKey(address.storageType, address.key, options);
  }

  deleteByKey(providerName: string, key: string, options?: CallOptions): Promise<boolean> {
    return this.#on(providerName, 'delete', options, async (provider) => {
      const vectors = provider.vectorHome;
      if (vectors === undefined) return provider.keyed('delete').delete(key, options);
      return missing(async () => (await vectors.collection(provider.collection).delete([key], options)) > 0, false);
    });
  }

  async exists(target: DataReference | string, options?: CallOptions): Promise<boolean> {
    const address = typeof target === 'string' ? parseReferenceUri(target) : target;
    return this.existsByKey(address.storageType, address.key, options);
  }

  async existsByKey(providerName: string, key: string, options?: CallOptions): Promise<boolean> {
    return (await this.getRecordByKey(providerName, key, options)) !== undefined;
  }

  /** Data of the records that match, at most `limit`; paths start at the record: `metadata.event_type`, `data.user.age`. */
  query<T = JsonValue>(
    providerName: string,
    filter: RecordFilter = {},
    options: DataQueryOptions = {},
  ): Promise<readonly T[]> {
    return this.#on(providerName, 'query', options, async (provider) => {
      const { limit = 100, ...call } = options;
      if (!Number.isInteger(limit) || limit < 1)
        throw invalidArgument('limit must be a whole number from 1 on.', { path: 'limit' });
      const found: T[] = [];
      const custom = provider.backend.facet(providerQueryFacet);
      if (custom !== undefined) {
        for (const item of await custom(filter, limit, call)) {
          const { data, expiresAt = Number.POSITIVE_INFINITY } = unwrap(item);
          if (expiresAt > Date.now()) found.push(data as T);
        }
        return found;
      }
      const vectors = provider.vectorHome;
      if (vectors === undefined) {
        for await (const record of provider.records('query').iterate<T>({ filter, limit } as Query<T>, call)) {
          const current = live(provider, record);
          if (current !== undefined) found.push(current.data);
        }
        return found;
      }
      return missing(async () => {
        for await (const document of vectors
          .collection(provider.collection)
          .iterate({ ...call, filter: liveFilter(filter, Date.now()) })) {
          found.push(toRecord(document).data as T);
          if (found.length >= limit) break;
        }
        return found;
      }, found);
    });
  }

  /** The closest data to a vector, best first. */
  search<T = JsonValue>(
    providerName: string,
    vector: ArrayLike<number>,
    options: DataSearchOptions = {},
  ): Promise<readonly SearchResult<T>[]> {
    return this.#on(providerName, 'search', options, async (provider) => {
      const { limit = 10, filter, ...call } = options;
      const collection = provider.vectors('search').collection(provider.collection);
      return missing(async () => {
        const matches = await collection.search(
          { vector, limit, filter: liveFilter(filter, Date.now()) },
          { ...call, includeVectors: true },
        );
        return matches.map(({ document, score }): SearchResult<T> => {
          const record = toRecord(document);
          return [record.data as T, score, reference(provider, record)];
        });
      }, []);
    });
  }

  /** Stores many; outcomes stand in the order of the items. */
  async storeMany(
    providerName: string,
    items: Iterable<DataItem>,
    options?: CallOptions,
  ): Promise<readonly Outcome<DataReference>[]> {
    return Promise.all(
      Array.from(items, ({ data, ...item }) => outcome(this.store(providerName, data, { ...item, ...options }))),
    );
  }

  /** Data in the order of the references, `undefined` where there is none. */
  async retrieveMany<T = JsonValue>(
    targets: Iterable<DataReference | string>,
    options?: CallOptions,
  ): Promise<readonly (T | undefined)[]> {
    return Promise.all(Array.from(targets, (target) => this.retrieve<T>(target, options)));
  }

  /** References of what a provider keeps, a page at a time, by key. */
  list(providerName: string, options: DataListOptions = {}): Promise<Page<DataReference>> {
    return this.#on(providerName, 'list', options, async (provider) => {
      if (provider.vectorHome !== undefined) provider.refuse('list', 'keeps vectors and has no lists');
      const page = await provider.records('list').list({ ...options, include: 'info' });
      const items = page.items.flatMap((entry) => (entry.info === undefined ? [] : reference(provider, entry.info)));
      return page.cursor === undefined ? { items } : { items, cursor: page.cursor };
    });
  }

  async #on<T>(
    name: string,
    operation: string,
    options: CallOptions | undefined,
    work: (provider: Provider) => Promise<T>,
  ): Promise<T> {
    try {
      const provider = await this.#source.provider(name, operation, options);
      return await this.#source.run(provider, operation, () => work(provider));
    } catch (error) {
      const write = operation === 'store' || operation === 'delete';
      throw toStorageError(error, { backend: name, operation, ...(write && { applied: 'unknown' }) });
    }
  }
}

/** Whether the place where a provider keeps data has an expiry of its own. */
function keepsExpiry(provider: Provider): boolean {
  const { records } = provider.backend.capabilities;
  return provider.vectorHome === undefined && records !== false && records.ttl !== false;
}

function reference(
  provider: Provider,
  info: Pick<RecordInfo, 'key' | 'metadata' | 'createdAt' | 'updatedAt'> & {
    readonly expiresAt?: Date | number | undefined;
  },
): DataReference {
  const { key, metadata, expiresAt } = info;
  const createdAt = info.createdAt ?? info.updatedAt;
  return {
    storageType: provider.name,
    kind: provider.kind,
    key,
    metadata,
    createdAt,
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }),
  };
}

/** A record as it was stored, unless it is expired. A provider that keeps expiry itself has seen to that, by its own clock. */
function live<T>(provider: Provider, record: StoredRecord<T> | undefined): StoredRecord<T> | undefined {
  if (record === undefined || keepsExpiry(provider)) return record;
  const { data, expiresAt = record.expiresAt?.getTime() } = unwrap(record.data);
  if (expiresAt === undefined) return { ...record, data: data as T };
  return expiresAt <= Date.now() ? undefined : { ...record, data: data as T, expiresAt: new Date(expiresAt) };
}

/** What a collection that is not there yet answers: it is made by the first store. */
async function missing<T>(work: () => Promise<T>, none: T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isStorageError(error, 'not_found')) return none;
    throw error;
  }
}
