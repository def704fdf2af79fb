import {
  type Applied,
  assertKey,
  type Backend,
  type CallOptions,
  type Capabilities,
  encodeJson,
  type FacetToken,
  type HealthReport,
  invalidArgument,
  isBytes,
  type JsonObject,
  type JsonValue,
  type KeyedRecords,
  type Outcome,
  outcome,
  type ProviderQuery,
  providerQueryFacet,
  type RecordInfo,
  type Storable,
  StorageError,
  type StoredRecord,
  type StoreItem,
  type StoreOptions,
  toStorageError,
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
   * Keeps JSON data under a key, replacing what was there. `success: false` makes the call fail. Data that the DataManager stores
   * with a time to live comes as `{ $expiresAt, $data }`.
   */
  store(
    key: string,
    data: JsonValue,
    metadata: JsonObject,
  ): Promise<ProviderStoreResult | undefined> | Promise<void> | ProviderStoreResult | undefined;
  /** The data, or `undefined` when there is none. */
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
    facets: definition.query === undefined ? [] : [providerQueryFacet.id],
    abort: 'before-start',
    persistent: false,
    consistency: 'strong',
  };
}

const refusals = { not_initialized: 'call open() first.', closed: 'closed; make a new one.' } as const;
const batchLimit = 10_000;

type AnyOptions = StoreOptions & { readonly atomic?: boolean | undefined };

class CustomBackend implements Backend, KeyedRecords {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly #definition: ProviderDefinition;
  #opening: Promise<void> | undefined;
  /** Why calls are not taken. */
  #refusal: keyof typeof refusals | undefined = 'not_initialized';

  constructor(definition: ProviderDefinition) {
    this.#definition = definition;
    this.name = definition.name;
    this.capabilities = capabilitiesOf(definition);
  }

  get records(): this {
    return this;
  }

  facet<T>(token: FacetToken<T>): T | undefined {
    const { query } = this.#definition;
    if (token.id !== providerQueryFacet.id || query === undefined) return undefined;
    const facet: ProviderQuery = (filter, limit, options) =>
      this.#call('query', undefined, options, nothing, () => query.call(this.#definition, filter, limit));
    return facet as T;
  }

  async open(): Promise<void> {
    if (this.#refusal === 'closed') throw this.#error('closed', refusals.closed);
    this.#opening ??= (async () => this.#definition.open?.())();
    try {
      await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw toStorageError(error, { backend: this.name, operation: 'open' });
    }
    if (this.#refusal === 'not_initialized') this.#refusal = undefined;
  }

  async close(): Promise<void> {
    if (this.#refusal === 'closed') return;
    this.#refusal = 'closed';
    // What never opened has nothing to close.
    if (this.#opening !== undefined && (await outcome(this.#opening)).ok) await this.#definition.close?.();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async health(): Promise<HealthReport> {
    const refusal = this.#refusal;
    return {
      name: this.name,
      status: refusal ? (refusal === 'closed' ? 'unhealthy' : 'unknown') : 'healthy',
      latencyMs: 0,
      ...(refusal && { message: refusals[refusal] }),
      details: {},
      checkedAt: new Date(),
    };
  }

  store(key: string, data: Storable, options: AnyOptions = {}): Promise<RecordInfo> {
    const prepare = (): [data: string, metadata: string] => {
      if (isBytes(data)) throw this.#error('unsupported', 'has no bytes; store base64 text.');
      return [encodeJson(data, 'data'), encodeJson(options.metadata ?? {}, 'metadata')];
    };
    return this.#call('store', key, options, prepare, async ([text, metadata]) => {
      const result = await this.#definition.store(
        key,
        JSON.parse(text) as JsonValue,
        JSON.parse(metadata) as JsonObject,
      );
      if (result?.success === false)
        throw this.#error('internal', `could not store: ${result.error ?? 'no reason given'}.`);
      return info(result?.key ?? key, text);
    });
  }

  retrieve<T = JsonValue>(key: string, options?: CallOptions): Promise<StoredRecord<T> | undefined> {
    return this.#call('retrieve', key, options, nothing, async () => {
      const data = await this.#definition.retrieve(key);
      return data === undefined ? undefined : { ...info(key, JSON.stringify(data)), data: data as T };
    });
  }

  delete(key: string, options?: AnyOptions): Promise<boolean> {
    return this.#call('delete', key, options, nothing, () => this.#definition.delete(key));
  }

  async exists(key: string, options?: CallOptions): Promise<boolean> {
    return (await this.retrieve(key, options)) !== undefined;
  }

  storeMany(items: Iterable<StoreItem>, options?: AnyOptions): Promise<readonly Outcome<RecordInfo>[]> {
    return this.#each(items, options, ({ key, data, ...item }) => this.store(key, data, { ...item, ...options }));
  }

  async retrieveMany<T = JsonValue>(
    keys: Iterable<string>,
    options?: CallOptions,
  ): Promise<readonly (StoredRecord<T> | undefined)[]> {
    return (await this.#each(keys, options, (key) => this.retrieve<T>(key, options))).map((answer) => {
      if (answer.ok) return answer.value;
      throw answer.error;
    });
  }

  deleteMany(keys: Iterable<string>, options?: AnyOptions): Promise<readonly Outcome<boolean>[]> {
    return this.#each(keys, options, (key) => this.delete(key, options));
  }

  /** One after another, because a key may stand twice. */
  async #each<I, T>(
    items: Iterable<I>,
    options: AnyOptions | undefined,
    run: (item: I) => Promise<T>,
  ): Promise<readonly Outcome<T>[]> {
    this.#check(options);
    const list = [...items];
    if (list.length > batchLimit)
      throw this.#error('too_large', `a batch has at most ${batchLimit} members.`, {
        limit: batchLimit,
        actual: list.length,
      });
    const outcomes: Outcome<T>[] = [];
    for (const item of list) outcomes.push(await outcome(run(item)));
    return outcomes;
  }

  /** `prepare` is what is refused before the provider is asked. */
  async #call<P, T>(
    operation: string,
    key: string | undefined,
    options: AnyOptions | undefined,
    prepare: () => P,
    work: (prepared: P) => Promise<T> | T,
  ): Promise<T> {
    let applied: Applied = 'no';
    try {
      if (key !== undefined) assertKey(key);
      this.#check(options);
      const prepared = prepare();
      applied = 'unknown';
      return await work(prepared);
    } catch (error) {
      const context = { backend: this.name, operation: `records.${operation}`, key };
      const write = operation === 'store' || operation === 'delete';
      throw withContext(toStorageError(error, context), { ...context, ...(write && { applied }) });
    }
  }

  #check(options: AnyOptions = {}): void {
    for (const name of ['ttlMs', 'ifAbsent', 'ifMatch', 'atomic'] as const)
      if ((options[name] ?? false) !== false) throw this.#error('unsupported', `has no ${name}; leave it out.`);
    if (options.timeoutMs !== undefined && !(options.timeoutMs > 0))
      throw invalidArgument('timeoutMs must be above 0.', { path: 'timeoutMs' });
    if (options.signal?.aborted) throw this.#error('aborted', 'aborted before the call.');
    if (this.#refusal) throw this.#error(this.#refusal, refusals[this.#refusal]);
  }

  #error(code: StorageError['code'], message: string, details?: StorageError['details']): StorageError {
    return new StorageError({ code, message: `Provider '${this.name}': ${message}`, backend: this.name, details });
  }
}

const nothing = (): void => undefined;

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
  for (const method of ['store', 'retrieve', 'delete'] as const)
    if (typeof definition[method] !== 'function')
      throw invalidArgument(`a provider needs a function '${method}'.`, { path: method });
  return new CustomBackend(definition);
}
