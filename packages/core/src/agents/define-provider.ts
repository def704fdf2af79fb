import {
  type Applied,
  abortedError,
  assertKey,
  assertOptions,
  type Backend,
  type BatchOptions,
  type CallOptions,
  type Capabilities,
  type DeleteOptions,
  encodeJson,
  type FacetToken,
  type HealthReport,
  isBytes,
  type JsonObject,
  type JsonValue,
  type KeyedRecords,
  type Outcome,
  outcome,
  type ProviderQuery,
  providerQueryFacet,
  type RecordInfo,
  StorageError,
  type StoredRecord,
  type StoreItem,
  type StoreOptions,
  utf8Length,
  withContext,
} from '../index.ts';

/** What a custom provider's `store` may answer instead of nothing. */
export interface ProviderStoreResult {
  readonly success: boolean;
  /** Under which key it was kept. Missing: the one that was given. */
  readonly key?: string | undefined;
  /** Why it failed. */
  readonly error?: string | undefined;
}

/** A storage of one's own. What it throws becomes a `StorageError` of code `internal`, unless it is one. */
export interface ProviderDefinition {
  readonly name: string;
  /**
   * Keeps JSON data under a key, replacing what was there. Data and metadata are copies, the provider's own. `success: false` makes the call fail. Data that the DataManager stores
   * with a time to live comes as `{ $expiresAt, $data }`.
   */
  store(
    key: string,
    data: JsonValue,
    metadata: JsonObject,
  ): Promise<ProviderStoreResult | undefined> | Promise<void> | ProviderStoreResult | undefined;
  /** The data, or `undefined` when there is none. The caller gets a copy. */
  retrieve(key: string): Promise<JsonValue | undefined> | JsonValue | undefined;
  /** Whether it was there. */
  delete(key: string): Promise<boolean> | boolean;
  /** Data of at most `limit` records that match. Without it the provider has no queries. */
  query?(filter: Parameters<ProviderQuery>[0], limit: number): Promise<readonly unknown[]> | readonly unknown[];
  /** Called once before the first use; after a failure again. */
  open?(): Promise<void> | void;
  close?(): Promise<void> | void;
}

function capabilitiesOf(definition: ProviderDefinition): Capabilities {
  return {
    records: {
      level: 'keyed',
      keys: 'any',
      // No limit of ours.
      maxValueBytes: Number.MAX_SAFE_INTEGER,
      metadata: false,
      maxMetadataBytes: Number.MAX_SAFE_INTEGER,
      bytes: false,
      list: 'none',
      query: 'none',
      scanLimit: null,
      sort: false,
      streams: false,
      ttl: false,
      conditional: 'none',
      conditionalDelete: false,
      conditionalStreams: false,
      programOrder: false,
      createdAt: false,
      deleteReports: 'racy',
      deleteWhere: 'none',
      atomicBatches: false,
      namespaces: false,
    },
    vectors: false,
    graph: false,
    messaging: false,
    transactions: false,
    facets: definition.query ? [providerQueryFacet.id] : [],
    abort: 'before-start',
    persistent: false,
    consistency: 'strong',
  };
}

const notOpen = 'is not open; open it, or make a new one.';
const limit = 10_000;

/** A call whose arguments are checked. */
type Work<T> = () => Promise<T>;

/** The provider keeps no times: `updatedAt` is the time of the call. */
function info(key: string, text: string): RecordInfo {
  return {
    key,
    kind: 'json',
    etag: '',
    updatedAt: new Date(),
    size: utf8Length(text),
    contentType: 'application/json',
    metadata: {},
  };
}

/**
 * Lifts `store`, `retrieve` and `delete` to a backend: keyed JSON records, without etags, expiry, metadata on reads, and lists; its
 * capabilities say so. Register it like any other: `dm.registerProvider('custom', defineProvider({ … }))`.
 */
export function defineProvider(definition: ProviderDefinition): Backend & { readonly records: KeyedRecords } {
  const backend = definition.name;
  /** Ends with all that is in flight. */
  let busy: Promise<unknown> = Promise.resolve();
  let opening: Promise<void> | undefined;
  let closing: Promise<void> | undefined;
  /** Why calls are not taken. */
  let refusal: 'not_initialized' | 'closed' | undefined = 'not_initialized';

  const failure = (code: StorageError['code'], message: string, details?: StorageError['details']): StorageError =>
    new StorageError({ code, message: `Provider '${backend}': ${message}`, backend, details });

  for (const method of ['store', 'retrieve', 'delete'] as const)
    if (typeof definition[method] !== 'function') throw failure('invalid_argument', `needs a function '${method}'.`);

  const refuse = (): StorageError => failure(refusal ?? 'closed', notOpen);

  const checkSignal = ({ signal }: CallOptions): void => {
    if (signal?.aborted) throw abortedError(signal);
  };

  const check = (options: StoreOptions & BatchOptions = {}, ...keys: readonly unknown[]): void => {
    if (refusal) throw refuse();
    assertOptions(options);
    checkSignal(options);
    keys.forEach(assertKey);
    for (const name of ['ttlMs', 'ifAbsent', 'ifMatch', 'atomic'] as const)
      if ((options[name] ?? false) !== false) throw failure('unsupported', `has no ${name}; leave it out.`);
  };

  const store = (item: StoreItem): Work<RecordInfo> => {
    const { key, data, metadata = {} } = item;
    check(item, key);
    if (isBytes(data)) throw failure('unsupported', 'has no bytes; use base64.');
    const about = encodeJson(metadata, 'metadata');
    if (about[0] !== '{') throw failure('invalid_argument', 'metadata must be an object.', { path: 'metadata' });
    const text = encodeJson(data, 'data');
    return async () => {
      const result = await definition.store(key, JSON.parse(text) as JsonValue, JSON.parse(about) as JsonObject);
      if (result?.success === false) throw failure('internal', `could not store: ${result.error ?? 'no reason'}.`);
      return info(result?.key ?? key, text);
    };
  };

  const retrieve = <T>(key: string, options?: CallOptions): Work<StoredRecord<T> | undefined> => {
    check(options, key);
    return async () => {
      const data = await definition.retrieve(key);
      if (data === undefined) return undefined;
      const text = JSON.stringify(data);
      return { ...info(key, text), data: JSON.parse(text) as T };
    };
  };

  const remove = (key: string, options?: DeleteOptions): Work<boolean> => {
    check(options, key);
    return async () => (await definition.delete(key)) || options?.report === false;
  };

  /** `prepare` refuses what the provider is not asked for. */
  const call = async <T>(operation: string, key: unknown, prepare: () => Work<T>): Promise<T> => {
    let applied: Applied = 'no';
    try {
      const work = prepare();
      applied = 'unknown';
      const pending = work();
      const before = busy;
      busy = outcome(pending).then(() => before);
      return await pending;
    } catch (error) {
      throw withContext(error, {
        backend,
        operation: `records.${operation}`,
        key: typeof key === 'string' ? key : undefined,
        applied: /store|delete/.test(operation) ? applied : undefined,
      });
    }
  };

  /** All are checked before the first is begun; then one after another, because a key may stand twice. */
  const each = <I extends string | StoreItem, T>(
    operation: string,
    items: Iterable<I>,
    options: BatchOptions = {},
    prepare: (item: I) => Work<T>,
  ): Promise<readonly Outcome<T>[]> =>
    call(operation, undefined, () => {
      check(options);
      const members: [work: Work<T>, key: string][] = [];
      for (const item of items) {
        const { length: index } = members;
        if (index >= limit) throw failure('too_large', `takes ${limit} at most.`, { limit, actual: index + 1 });
        try {
          members.push([prepare(item), typeof item === 'string' ? item : item.key]);
        } catch (error) {
          throw withContext(error, { details: { index } });
        }
      }
      return async () => {
        const outcomes: Outcome<T>[] = [];
        for (const [work, key] of members) {
          const member = call(operation, key, () => {
            checkSignal(options);
            return work;
          });
          outcomes.push(await outcome(member));
        }
        return outcomes;
      };
    });

  const close = (): Promise<void> => {
    refusal = 'closed';
    closing ??= (async () => {
      // What never opened has nothing to close.
      if (!opening || !(await outcome(opening)).ok) return;
      await busy;
      await definition.close?.();
    })();
    return closing;
  };

  return {
    name: backend,
    capabilities: capabilitiesOf(definition),
    records: {
      store: (key, data, options) => call('store', key, () => store({ ...options, key, data })),
      retrieve: <T>(key: string, options?: CallOptions) => call('retrieve', key, () => retrieve<T>(key, options)),
      delete: (key, options) => call('delete', key, () => remove(key, options)),
      exists: async (key, options) => (await call('exists', key, () => retrieve(key, options))) !== undefined,
      storeMany: (items, options) => each('storeMany', items, options, (item) => store({ ...item })),
      retrieveMany: async <T>(keys: Iterable<string>, options?: CallOptions) =>
        (await each('retrieveMany', keys, options, (key) => retrieve<T>(key))).map((answer) => {
          if (answer.ok) return answer.value;
          throw answer.error;
        }),
      deleteMany: (keys, options) => each('deleteMany', keys, options, (key) => remove(key)),
    },
    facet<T>(token: FacetToken<T>): T | undefined {
      if (token.id !== providerQueryFacet.id || !definition.query) return undefined;
      const facet: ProviderQuery = (filter, limit, options) =>
        call('query', undefined, () => {
          check(options);
          return async () => definition.query?.(filter, limit) ?? [];
        });
      return facet as T;
    },
    async open() {
      if (closing) throw refuse();
      opening ??= (async () => definition.open?.())();
      try {
        await opening;
      } catch (error) {
        opening = undefined;
        throw withContext(error, { backend, operation: 'open' });
      }
      if (!closing) refusal = undefined;
    },
    close,
    [Symbol.asyncDispose]: close,
    async health(): Promise<HealthReport> {
      return {
        name: backend,
        status: refusal ? (closing ? 'unhealthy' : 'unknown') : 'healthy',
        latencyMs: 0,
        ...(refusal && { message: notOpen }),
        details: {},
        checkedAt: new Date(),
      };
    },
  };
}
