import {
  assertKey,
  assertText,
  type Backend,
  type BatchOptions,
  type CallOptions,
  type Capabilities,
  type CommonOptions,
  type DeleteOptions,
  encodeJson,
  type HealthReport,
  invalidArgument,
  isBytes,
  isStorageError,
  type JsonValue,
  type KeyedRecords,
  maxTtlMs,
  type Outcome,
  type RecordInfo,
  randomToken,
  StorageError,
  type StorageErrorCode,
  type StoredRecord,
  type StoreItem,
  type StoreOptions,
  withContext,
} from '@storage/core';

export const subjectCapabilities: Capabilities = {
  records: {
    level: 'keyed',
    keys: 'any',
    maxValueBytes: 2 * 1024 * 1024,
    metadata: true,
    maxMetadataBytes: 1024 * 1024,
    bytes: false,
    list: 'none',
    query: 'none',
    scanLimit: null,
    sort: false,
    streams: false,
    ttl: { listing: 'exact' },
    conditional: 'record',
    conditionalDelete: true,
    conditionalStreams: false,
    programOrder: true,
    createdAt: true,
    deleteReports: 'exact',
    deleteWhere: 'none',
    atomicBatches: false,
    namespaces: false,
  },
  vectors: false,
  graph: false,
  messaging: false,
  transactions: false,
  facets: [],
  abort: 'before-start',
  persistent: false,
  consistency: 'strong',
};

interface Entry extends Omit<RecordInfo, 'metadata' | 'createdAt'> {
  readonly createdAt: Date;
  readonly text: string;
  readonly metadata: string;
}

/** The smallest backend there can be: records by key in a map, without anything from the backend kit. */
export class SubjectBackend implements Backend, KeyedRecords {
  readonly name = 'subject';
  readonly capabilities: Capabilities = subjectCapabilities;
  readonly records: KeyedRecords = this;
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;
  #state: 'new' | 'open' | 'closed' = 'new';

  constructor(options: CommonOptions = {}) {
    this.#now = options.clock ?? Date.now;
  }

  facet(): undefined {
    return undefined;
  }
  async open(options?: CallOptions): Promise<void> {
    this.#call('open', options, () => {
      if (this.#state === 'closed') this.#refuse('closed');
      this.#state = 'open';
    });
  }
  async close(): Promise<void> {
    this.#state = 'closed';
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
  async health(): Promise<HealthReport> {
    const status = { new: 'unknown', open: 'healthy', closed: 'unhealthy' } as const;
    const message = this.#state === 'open' ? {} : { message: `${this.#state}: open it first` };
    return {
      name: this.name,
      status: status[this.#state],
      latencyMs: 0,
      details: {},
      checkedAt: new Date(),
      ...message,
    };
  }

  async store(key: string, data: unknown, options: StoreOptions = {}): Promise<RecordInfo> {
    return this.#write('records.store', key, options, () => this.#prepare(key, data, options)());
  }
  async retrieve<T = JsonValue>(key: string, options?: CallOptions): Promise<StoredRecord<T> | undefined> {
    return this.#keyed('records.retrieve', key, options, () => {
      const entry = this.#get(key);
      return entry && recordOf<T>(entry);
    });
  }
  async delete(key: string, options: DeleteOptions = {}): Promise<boolean> {
    return this.#write('records.delete', key, options, () => {
      if (options.ifMatch !== undefined && this.#get(key)?.etag !== options.ifMatch) this.#refuse('conflict', 'no');
      const there = this.#get(key) !== undefined;
      this.#entries.delete(key);
      return there || options.report === false;
    });
  }
  async exists(key: string, options?: CallOptions): Promise<boolean> {
    return this.#keyed('records.exists', key, options, () => this.#get(key) !== undefined);
  }
  async storeMany(items: Iterable<StoreItem>, options?: BatchOptions): Promise<readonly Outcome<RecordInfo>[]> {
    return this.#batch('records.storeMany', [...items], options, (item) => {
      assertKey(item.key);
      return this.#prepare(item.key, item.data, item);
    });
  }
  async retrieveMany<T = JsonValue>(
    keys: Iterable<string>,
    options?: CallOptions,
  ): Promise<readonly (StoredRecord<T> | undefined)[]> {
    return this.#call('records.retrieveMany', options, () => {
      const list = [...keys];
      if (list.length > 10_000) this.#refuse('too_large', 'no');
      return list.map((key) => {
        assertKey(key);
        const entry = this.#get(key);
        return entry && recordOf<T>(entry);
      });
    });
  }
  async deleteMany(keys: Iterable<string>, options?: BatchOptions): Promise<readonly Outcome<boolean>[]> {
    return this.#batch('records.deleteMany', [...keys], options, (key) => {
      assertKey(key);
      return () => {
        const there = this.#get(key) !== undefined;
        this.#entries.delete(key);
        return there;
      };
    });
  }

  #get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry?.expiresAt === undefined || entry.expiresAt.getTime() > this.#now()) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  /** Checks a store; what it answers carries it out. */
  #prepare(key: string, data: unknown, options: Omit<StoreOptions, keyof CallOptions>): () => RecordInfo {
    const { ifAbsent, ifMatch, ttlMs, contentType = 'application/json' } = options;
    if (isBytes(data)) this.#refuse('unsupported');
    const text = encodeJson(data, 'data');
    const metadata = encodeJson(options.metadata === undefined ? {} : options.metadata, 'metadata');
    if (!metadata.startsWith('{')) throw invalidArgument('metadata must be an object');
    if (ifAbsent && ifMatch !== undefined) throw invalidArgument('ifAbsent or ifMatch, not both');
    if (ttlMs !== undefined && !(Number.isInteger(ttlMs) && ttlMs > 0 && ttlMs <= maxTtlMs))
      throw invalidArgument('ttlMs must be whole milliseconds');
    const metadataSize = Buffer.byteLength(metadata);
    if (metadataSize > 1024 * 1024)
      throw new StorageError({
        code: 'too_large',
        message: 'metadata too large',
        details: { limit: 1024 * 1024, actual: metadataSize },
      });
    if (ifMatch !== undefined && typeof ifMatch !== 'string') throw invalidArgument('ifMatch must be text');
    assertText(contentType, 'contentType');
    if (contentType.length > 256) throw invalidArgument('contentType has over 256 characters');
    const size = Buffer.byteLength(text);
    const limit = 2 * 1024 * 1024;
    if (size > limit)
      throw new StorageError({ code: 'too_large', message: 'value too large', details: { limit, actual: size } });
    return () => {
      const present = this.#get(key);
      if (ifAbsent && present !== undefined) this.#refuse('already_exists', 'no', { etag: present.etag });
      if (ifMatch !== undefined && present?.etag !== ifMatch) this.#refuse('conflict', 'no');
      const now = this.#now();
      const entry: Entry = {
        key,
        kind: 'json',
        etag: randomToken(),
        createdAt: present?.createdAt ?? new Date(now),
        updatedAt: new Date(now),
        ...(ttlMs === undefined ? {} : { expiresAt: new Date(now + ttlMs) }),
        size,
        contentType,
        metadata,
        text,
      };
      this.#entries.set(key, entry);
      return infoOf(entry);
    };
  }

  #batch<I, O>(
    operation: string,
    items: readonly I[],
    options: BatchOptions | undefined,
    prepare: (item: I) => () => O,
  ): Outcome<O>[] {
    return this.#call(operation, options, () => {
      if (items.length > 10_000) this.#refuse('too_large', 'no');
      if (options?.atomic) this.#refuse('unsupported');
      const works = items.map((item, index) => {
        try {
          return prepare(item);
        } catch (error) {
          throw withContext(error, { details: { index } });
        }
      });
      return works.map((work, index): Outcome<O> => {
        try {
          return { ok: true, value: work() };
        } catch (error) {
          if (!isStorageError(error)) throw error;
          const { key } = items[index] as { readonly key?: string };
          return { ok: false, error: withContext(error, { backend: this.name, operation, key, applied: 'no' }) };
        }
      });
    });
  }
  #write<T>(operation: string, key: string, options: CallOptions | undefined, body: () => T): T {
    return this.#keyed(operation, key, options, body);
  }
  #keyed<T>(operation: string, key: string, options: CallOptions | undefined, body: () => T): T {
    return this.#call(
      operation,
      options,
      () => {
        assertKey(key);
        return body();
      },
      key,
    );
  }
  #call<T>(operation: string, options: CallOptions | undefined, body: () => T, key?: string): T {
    const applied = /store|delete/.test(operation) ? ('no' as const) : undefined;
    try {
      const { timeoutMs, signal } = options ?? {};
      if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0))
        throw invalidArgument('timeoutMs must be over 0');
      if (operation !== 'open' && this.#state !== 'open')
        this.#refuse(this.#state === 'new' ? 'not_initialized' : 'closed');
      if (signal?.aborted)
        throw new StorageError({ code: 'aborted', message: 'aborted by the caller', cause: signal.reason });
      return body();
    } catch (error) {
      if (!isStorageError(error)) throw error;
      const { code, message, details, cause } = error;
      throw new StorageError({
        code,
        message,
        details,
        cause,
        backend: this.name,
        operation,
        key: typeof key === 'string' ? key : undefined,
        applied,
      });
    }
  }
  #refuse(code: StorageErrorCode, applied?: 'no', details?: Record<string, unknown>): never {
    throw new StorageError({ code, message: `the subject backend refuses: ${code}`, applied, details });
  }
}

function infoOf(entry: Entry): RecordInfo {
  const { text: _text, metadata, updatedAt, createdAt, ...rest } = entry;
  return {
    ...rest,
    updatedAt: new Date(updatedAt),
    createdAt: new Date(createdAt),
    metadata: JSON.parse(metadata) as RecordInfo['metadata'],
  };
}

function recordOf<T>(entry: Entry): StoredRecord<T> {
  return { ...infoOf(entry), data: JSON.parse(entry.text) as T };
}
