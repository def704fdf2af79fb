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
  isStorageError,
  type JsonObject,
  type JsonValue,
  type KeyedRecords,
  outcome,
  type ProviderQuery,
  providerQueryFacet,
  type RecordInfo,
  type Storable,
  StorageError,
  type StoredRecord,
  type StoreItem,
  type StoreOptions,
  withContext,
} from '../index.ts';

/** What a custom provider's `store` may answer instead of nothing. */
export interface ProviderStoreResult {
  readonly success: boolean;
  readonly key?: string | undefined;
  /** Why it failed. */
  readonly error?: string | undefined;
}

/** A storage of one's own. What it throws becomes a `StorageError` of code `internal`, unless it is one. */
export interface ProviderDefinition {
  readonly name: string;
  /** Keeps JSON data under a key, replacing what was there. `success: false` makes the call fail. */
  store(
    key: string,
    data: JsonValue,
    metadata: JsonObject,
  ): Promise<ProviderStoreResult | undefined | void> | ProviderStoreResult | undefined | void;
  /** The data, or `undefined` when there is none. */
  retrieve(key: string): Promise<JsonValue | undefined> | JsonValue | undefined;
  /** Whether it was there. */
  delete(key: string): Promise<boolean> | boolean;
  /** Data of at most `limit` records that match. Without it the provider has no queries. */
  query?(filter: Parameters<ProviderQuery>[0], limit: number): Promise<readonly unknown[]> | readonly unknown[];
  /** Called once before the first use. */
  open?(): Promise<void> | void;
  close?(): Promise<void> | void;
}

/** What the backend of a custom provider can do: keyed JSON records, nothing more. */
export type ProviderCapabilities = Capabilities;

function capabilitiesOf(definition: ProviderDefinition): ProviderCapabilities {
  return {
    records: {
      level: 'keyed',
      keys: 'any',
      maxValueBytes: 64 * 1024 * 1024,
      metadata: false,
      maxMetadataBytes: 64 * 1024 * 1024,
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

const batchLimit = 10_000;

class CustomBackend implements Backend<ProviderCapabilities>, KeyedRecords {
  readonly name: string;
  readonly capabilities: ProviderCapabilities;
  readonly #definition: ProviderDefinition;
  #opening: Promise<void> | undefined;
  #state: 'new' | 'open' | 'closed' = 'new';

  constructor(definition: ProviderDefinition) {
    this.#definition = definition;
    this.name = definition.name;
    this.capabilities = capabilitiesOf(definition);
  }

  get records(): this {
    return this;
  }

  facet<T>(token: FacetToken<T>): T | undefined {
    if (token.id !== providerQueryFacet.id || this.#definition.query === undefined) return undefined;
    const query: ProviderQuery = (filter, limit, options) =>
      this.#call('query', undefined, options, () => this.#definition.query?.(filter, limit) ?? []);
    return query as T;
  }

  async open(): Promise<void> {
    if (this.#state === 'closed') throw this.#error('closed', 'the provider is closed; make a new one.', 'open');
    this.#opening ??= (async () => this.#definition.open?.())();
    try {
      await this.#opening;
      if (this.#state === 'new') this.#state = 'open';
    } catch (error) {
      this.#opening = undefined;
      throw this.#wrap(error, 'open');
    }
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    const opened = this.#state === 'open';
    this.#state = 'closed';
    if (opened) await this.#definition.close?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  health(): Promise<HealthReport> {
    const status = this.#state === 'open' ? 'healthy' : this.#state === 'new' ? 'unknown' : 'unhealthy';
    const message =
      this.#state === 'open' ? {} : { message: this.#state === 'new' ? 'not open yet; call open().' : 'closed' };
    return Promise.resolve({ name: this.name, status, latencyMs: 0, ...message, details: {}, checkedAt: new Date() });
  }

  store(key: string, data: Storable, options: StoreOptions = {}): Promise<RecordInfo> {
    return this.#call('store', key, options, async () => {
      for (const name of ['ttlMs', 'ifAbsent', 'ifMatch'] as const) {
        if (options[name] !== undefined)
          throw this.#error('unsupported', `a custom provider has no ${name}; leave it out.`, 'store', 'no');
      }
      if (isBytes(data))
        throw this.#error(
          'unsupported',
          'a custom provider keeps JSON only; encode bytes as base64 text.',
          'store',
          'no',
        );
      const text = encodeJson(data, 'data');
      const metadata = encodeJson(options.metadata ?? {}, 'metadata');
      const result = await this.#definition.store(
        key,
        JSON.parse(text) as JsonValue,
        JSON.parse(metadata) as JsonObject,
      );
      if (result !== undefined && result !== null && !result.success) {
        throw this.#error(
          'internal',
          `the provider could not store: ${result.error ?? 'no reason given'}.`,
          'store',
          'unknown',
        );
      }
      return this.#info(key, text);
    });
  }

  retrieve<T = JsonValue>(key: string, options?: CallOptions): Promise<StoredRecord<T> | undefined> {
    return this.#call('retrieve', key, options, async () => {
      const data = await this.#definition.retrieve(key);
      return data === undefined ? undefined : { ...this.#info(key, JSON.stringify(data)), data: data as T };
    });
  }

  delete(key: string, options?: CallOptions & { readonly ifMatch?: string | undefined }): Promise<boolean> {
    return this.#call('delete', key, options, async () => {
      if (options?.ifMatch !== undefined)
        throw this.#error('unsupported', 'a custom provider has no ifMatch; leave it out.', 'delete', 'no');
      return this.#definition.delete(key);
    });
  }

  async exists(key: string, options?: CallOptions): Promise<boolean> {
    return (await this.retrieve(key, options)) !== undefined;
  }

  storeMany(
    items: Iterable<StoreItem>,
    options: CallOptions & { readonly atomic?: boolean | undefined } = {},
  ): ReturnType<KeyedRecords['storeMany']> {
    return this.#each(items, options, ({ key, data, ...item }, call) => this.store(key, data, { ...item, ...call }));
  }

  retrieveMany<T = JsonValue>(
    keys: Iterable<string>,
    options?: CallOptions,
  ): Promise<readonly (StoredRecord<T> | undefined)[]> {
    return Promise.all(Array.from(keys, (key) => this.retrieve<T>(key, options)));
  }

  deleteMany(
    keys: Iterable<string>,
    options: CallOptions & { readonly atomic?: boolean | undefined } = {},
  ): ReturnType<KeyedRecords['deleteMany']> {
    return this.#each(keys, options, (key, call) => this.delete(key, call));
  }

  /** One after another, because a key may stand twice. */
  async #each<I, T>(
    items: Iterable<I>,
    options: CallOptions & { readonly atomic?: boolean | undefined },
    run: (item: I, call: CallOptions) => Promise<T>,
  ): Promise<Awaited<ReturnType<typeof outcome<T>>>[]> {
    const { atomic, ...call } = options;
    if (atomic === true)
      throw this.#error('unsupported', 'a custom provider has no atomic batches; leave `atomic` out.', 'batch', 'no');
    const list = [...items];
    if (list.length > batchLimit)
      throw new StorageError({
        code: 'too_large',
        message: `a batch has at most ${batchLimit} members.`,
        details: { limit: batchLimit, actual: list.length },
      });
    const outcomes: Awaited<ReturnType<typeof outcome<T>>>[] = [];
    for (const item of list) outcomes.push(await outcome(run(item, call)));
    return outcomes;
  }

  async #call<T>(
    operation: string,
    key: string | undefined,
    options: CallOptions | undefined,
    work: () => Promise<T> | T,
  ): Promise<T> {
    const write = operation === 'store' || operation === 'delete';
    try {
      if (key !== undefined) assertKey(key);
      if (options?.signal?.aborted === true)
        throw this.#error('aborted', 'the call was aborted before it began.', operation);
      if (options?.timeoutMs !== undefined && !(options.timeoutMs > 0))
        throw invalidArgument('timeoutMs must be a positive number of milliseconds.', { path: 'timeoutMs' });
      if (this.#state !== 'open')
        throw this.#error(
          this.#state === 'new' ? 'not_initialized' : 'closed',
          this.#state === 'new' ? 'call open() first.' : 'the provider is closed.',
          operation,
        );
    } catch (error) {
      throw this.#wrap(error, operation, key, write ? 'no' : undefined);
    }
    try {
      return await work();
    } catch (error) {
      throw this.#wrap(error, operation, key, write ? 'unknown' : undefined);
    }
  }

  #error(code: StorageError['code'], message: string, operation: string, applied?: Applied): StorageError {
    return new StorageError({ code, message, backend: this.name, operation: `records.${operation}`, applied });
  }

  #wrap(error: unknown, operation: string, key?: string, applied?: Applied): StorageError {
    const own = isStorageError(error)
      ? error
      : new StorageError({
          code: 'internal',
          message: `provider '${this.name}' failed in ${operation}; see \`cause\`.`,
          cause: error,
        });
    const refused = own.code === 'invalid_argument' || own.code === 'too_large' ? 'no' : applied;
    return withContext(own, {
      backend: this.name,
      operation: `records.${operation}`,
      key,
      applied: applied && refused,
    });
  }

  #info(key: string, text: string): RecordInfo {
    // The provider keeps no times: `updatedAt` is the time of the call.
    return {
      key,
      kind: 'json',
      etag: '',
      updatedAt: new Date(),
      size: new TextEncoder().encode(text).length,
      contentType: 'application/json',
      metadata: {},
    };
  }
}

/**
 * Lifts `store`, `retrieve` and `delete` to a backend: keyed JSON records, without etags, expiry, metadata on reads, and lists; its
 * capabilities say so. Register it like any other: `dm.registerProvider('custom', defineProvider({ … }))`.
 */
export function defineProvider(
  definition: ProviderDefinition,
): Backend<ProviderCapabilities> & { readonly records: KeyedRecords } {
  for (const method of ['store', 'retrieve', 'delete'] as const) {
    if (typeof definition[method] !== 'function')
      throw invalidArgument(`a provider must have a function '${method}'.`, { path: method });
  }
  return new CustomBackend(definition);
}
