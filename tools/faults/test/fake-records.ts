import {
  type CallOptions,
  type DeleteOptions,
  type KeyedRecords,
  type Outcome,
  outcome,
  type RecordInfo,
  type Storable,
  StorageError,
  type StoredRecord,
  type StoreItem,
  type StoreOptions,
} from '@storage/core';

/** What the store does to a write: nothing odd, or one of the things that must not happen. */
export type Fault = 'none' | 'refuse' | 'lose-answer' | 'lie-no' | 'lose-acknowledged' | 'hang' | 'tear' | 'conflict';

/** A store in memory whose writes go as the test says. */
export class FakeRecords implements KeyedRecords {
  readonly #records = new Map<string, StoredRecord<unknown>>();
  /** Asked before every write. */
  fault: (operation: string) => Fault = () => 'none';
  #etags = 0;

  #write<T>(operation: string, apply: () => T, tear?: () => void): Promise<T> {
    const fail = (code: 'unavailable' | 'conflict', applied: 'no' | 'unknown'): Promise<T> =>
      Promise.reject(new StorageError({ code, applied, message: `${operation} failed.` }));
    switch (this.fault(operation)) {
      case 'refuse':
        return fail('unavailable', 'no');
      case 'lose-answer':
        apply();
        return fail('unavailable', 'unknown');
      case 'lie-no':
        apply();
        return fail('unavailable', 'no');
      case 'conflict':
        return fail('conflict', 'no');
      case 'hang':
        return new Promise(() => undefined);
      case 'lose-acknowledged': {
        const kept = new Map(this.#records);
        const answer = apply();
        this.#records.clear();
        for (const [key, record] of kept) this.#records.set(key, record);
        return Promise.resolve(answer);
      }
      case 'tear': {
        const answer = apply();
        tear?.();
        return Promise.resolve(answer);
      }
      default:
        return new Promise((resolve) => setImmediate(() => resolve(apply())));
    }
  }

  store(key: string, data: Storable, _options?: StoreOptions): Promise<RecordInfo> {
    const record: StoredRecord<unknown> = {
      key,
      kind: 'json',
      etag: String(this.#etags++),
      updatedAt: new Date(),
      size: 1,
      contentType: 'application/json',
      metadata: {},
      data,
    };
    return this.#write(
      'store',
      () => {
        this.#records.set(key, record);
        return record;
      },
      () => this.#records.set(key, { ...record, data: { ...(data as object), text: 'half' } }),
    );
  }

  async storeMany(items: Iterable<StoreItem>): Promise<readonly Outcome<RecordInfo>[]> {
    return Promise.all([...items].map(({ key, data }) => outcome(this.store(key, data))));
  }

  async retrieve<T>(key: string, _options?: CallOptions): Promise<StoredRecord<T> | undefined> {
    return this.#records.get(key) as StoredRecord<T> | undefined;
  }

  retrieveMany<T>(keys: Iterable<string>): Promise<readonly (StoredRecord<T> | undefined)[]> {
    return Promise.all([...keys].map((key) => this.retrieve<T>(key)));
  }

  delete(key: string, _options?: DeleteOptions): Promise<boolean> {
    return this.#write('delete', () => this.#records.delete(key));
  }

  async deleteMany(keys: Iterable<string>): Promise<readonly Outcome<boolean>[]> {
    return Promise.all([...keys].map((key) => outcome(this.delete(key))));
  }

  async exists(key: string): Promise<boolean> {
    return this.#records.has(key);
  }
}
