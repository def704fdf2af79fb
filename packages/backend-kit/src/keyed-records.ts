import {
  assertKey,
  type BatchOptions,
  type CallOptions,
  type DeleteOptions,
  type JsonValue,
  type KeyedRecords,
  type Outcome,
  type RecordCapabilities,
  type RecordInfo,
  type Storable,
  type StoredRecord,
  type StoreItem,
  type StoreOptions,
} from '@storage/core';
import type { OwnedCall } from './call.ts';
import { type BackendContext, CallGuard, isPromise } from './context.ts';
import type { KeyedDriver, MaybePromise, RowOutcome, WriteRow } from './record-driver.ts';
import {
  checkBatch,
  checkDelete,
  checkFlag,
  encodeItem,
  encodeWrite,
  recordCapabilities,
  unsupported,
} from './record-encode.ts';
import { toInfo, toRecordOrMiss } from './record-rows.ts';

function same<T>(value: T): T {
  return value;
}

function checkKey(key: string): string {
  assertKey(key);
  return key;
}

/**
 * `KeyedRecords` over a driver. The four calls on one key are written out, without closures, and are not async functions:
 * over a synchronous driver they cost one promise.
 */
export class KeyedRecordsFacade<Driver extends KeyedDriver = KeyedDriver> implements KeyedRecords {
  protected readonly driver: Driver;
  protected readonly guard: CallGuard;
  protected readonly capabilities: RecordCapabilities;
  protected readonly path: string;

  constructor(driver: Driver, guard: CallGuard, path: string) {
    this.driver = driver;
    this.guard = guard;
    this.capabilities = recordCapabilities(guard.context);
    this.path = path;
  }

  /** Rejects with what was thrown before or by the driver. `call` missing: before. */
  #reject(
    error: unknown,
    operation: string,
    key: unknown,
    write: boolean,
    call: OwnedCall | undefined,
  ): Promise<never> {
    call?.end();
    return Promise.reject(this.guard.error(error, operation, typeof key === 'string' ? key : undefined, write, call));
  }

  store(key: string, data: Storable, options?: StoreOptions): Promise<RecordInfo> {
    let call: OwnedCall | undefined;
    let row: WriteRow;
    try {
      call = this.guard.begin(options);
      row = encodeWrite(key, data, options, this.guard.context, this.capabilities);
    } catch (error) {
      call?.end();
      return this.#reject(error, 'records.store', key, true, undefined);
    }
    try {
      const result = this.driver.write(this.path, row, call);
      if (isPromise(result)) return this.guard.finish(result, toInfo, call, 'records.store', key, true);
      call.end();
      return Promise.resolve(toInfo(result));
    } catch (error) {
      return this.#reject(error, 'records.store', key, true, call);
    }
  }

  retrieve<T = JsonValue>(key: string, options?: CallOptions): Promise<StoredRecord<T> | undefined> {
    let call: OwnedCall | undefined;
    try {
      call = this.guard.begin(options);
      assertKey(key);
      const result = this.driver.read(this.path, key, call);
      if (isPromise(result)) return this.guard.finish(result, toRecordOrMiss<T>, call, 'records.retrieve', key, false);
      call.end();
      return Promise.resolve(toRecordOrMiss<T>(result));
    } catch (error) {
      return this.#reject(error, 'records.retrieve', key, false, call);
    }
  }

  delete(key: string, options?: DeleteOptions): Promise<boolean> {
    let call: OwnedCall | undefined;
    let condition: ReturnType<typeof checkDelete>;
    try {
      call = this.guard.begin(options);
      assertKey(key);
      condition = checkDelete(options, this.capabilities);
    } catch (error) {
      call?.end();
      return this.#reject(error, 'records.delete', key, true, undefined);
    }
    try {
      const result = this.driver.remove(this.path, key, condition.etag, condition.report, call);
      if (isPromise(result)) return this.guard.finish(result, same<boolean>, call, 'records.delete', key, true);
      call.end();
      return Promise.resolve(result);
    } catch (error) {
      return this.#reject(error, 'records.delete', key, true, call);
    }
  }

  exists(key: string, options?: CallOptions): Promise<boolean> {
    let call: OwnedCall | undefined;
    try {
      call = this.guard.begin(options);
      assertKey(key);
      const result = this.driver.exists(this.path, key, call);
      if (isPromise(result)) return this.guard.finish(result, same<boolean>, call, 'records.exists', key, false);
      call.end();
      return Promise.resolve(result);
    } catch (error) {
      return this.#reject(error, 'records.exists', key, false, call);
    }
  }

  storeMany(items: Iterable<StoreItem>, options?: BatchOptions): Promise<readonly Outcome<RecordInfo>[]> {
    return this.guard.run('records.storeMany', undefined, true, options, () => {
      const atomic = this.#atomic(options);
      const rows = checkBatch(items, 'items', (item) => encodeItem(item, this.guard.context, this.capabilities));
      return (call) => {
        if (rows.length === 0) return [];
        return this.#outcomes(
          this.driver.writeMany(this.path, rows, atomic, call),
          (index) => rows[index]?.key,
          toInfo,
          'records.storeMany',
          call,
        );
      };
    });
  }

  retrieveMany<T = JsonValue>(
    keys: Iterable<string>,
    options?: CallOptions,
  ): Promise<readonly (StoredRecord<T> | undefined)[]> {
    return this.guard.run('records.retrieveMany', undefined, false, options, () => {
      const list = checkBatch(keys, 'keys', checkKey);
      return async (call) =>
        list.length === 0 ? [] : (await this.driver.readMany(this.path, list, call)).map(toRecordOrMiss<T>);
    });
  }

  deleteMany(keys: Iterable<string>, options?: BatchOptions): Promise<readonly Outcome<boolean>[]> {
    return this.guard.run('records.deleteMany', undefined, true, options, () => {
      const atomic = this.#atomic(options);
      const list = checkBatch(keys, 'keys', checkKey);
      return (call) => {
        if (list.length === 0) return [];
        return this.#outcomes(
          this.driver.removeMany(this.path, list, atomic, call),
          (index) => list[index],
          same<boolean>,
          'records.deleteMany',
          call,
        );
      };
    });
  }

  #atomic(options: BatchOptions | undefined): boolean {
    const atomic = checkFlag(options?.atomic, 'atomic', false);
    if (atomic && !this.capabilities.atomicBatches) throw unsupported('atomic batches', 'records.atomicBatches');
    return atomic;
  }

  async #outcomes<R, T>(
    pending: MaybePromise<readonly RowOutcome<R>[]>,
    keyAt: (index: number) => string | undefined,
    map: (value: R) => T,
    operation: string,
    call: OwnedCall,
  ): Promise<readonly Outcome<T>[]> {
    const rows = await pending;
    return rows.map((row, index) =>
      row.ok
        ? { ok: true, value: map(row.value) }
        : { ok: false, error: this.guard.error(row.error, operation, keyAt(index), true, call) },
    );
  }
}

/** `KeyedRecords` over a driver that has calls by key alone. */
export function createKeyedRecords(driver: KeyedDriver, context: BackendContext): KeyedRecords {
  return new KeyedRecordsFacade(driver, new CallGuard(context), '');
}
