import type { CallOptions } from './call.ts';
import { isStorageError, StorageError } from './errors.ts';
import type { JsonValue, Storable } from './json.ts';
import type { KeyedRecords, RecordInfo, StoredRecord, StoreOptions } from './records.ts';

export interface UpdateOptions extends CallOptions {
  /** How often a lost race is tried again. Missing: 10. */
  readonly retries?: number | undefined;
}

/** What to store next; options that are left out keep what the record has (metadata, content type, and the expiry by this machine's clock). */
export interface Update {
  readonly data: Storable;
  readonly options?: Omit<StoreOptions, 'ifMatch' | 'ifAbsent' | keyof CallOptions> | undefined;
}

/**
 * Reads a record, lets `change` make the next one, and stores it only if nobody else did meanwhile; a lost race is tried again from
 * the read. `change` gets `undefined` when there is no record, and answers `undefined` to leave all as it is (then the answer is
 * `undefined`). It may run more than once. Races lost more often than `retries`: `conflict`.
 */
export async function update<T = JsonValue>(
  store: KeyedRecords,
  key: string,
  change: (current: StoredRecord<T> | undefined) => Update | undefined | Promise<Update | undefined>,
  options: UpdateOptions = {},
): Promise<RecordInfo | undefined> {
  const { retries = 10, ...call } = options;
  for (let attempt = 0; ; attempt++) {
    const current = await store.retrieve<T>(key, call);
    const next = await change(current);
    if (next === undefined) return undefined;
    const kept: StoreOptions =
      current === undefined
        ? { ifAbsent: true }
        : {
            ifMatch: current.etag,
            metadata: current.metadata,
            contentType: current.contentType,
            ttlMs: current.expiresAt && Math.max(1, current.expiresAt.getTime() - Date.now()),
          };
    try {
      return await store.store(key, next.data, { ...kept, ...next.options, ...call });
    } catch (error) {
      const lost = isStorageError(error, 'conflict') || isStorageError(error, 'already_exists');
      if (!lost) throw error;
      if (attempt >= retries) {
        throw new StorageError({
          code: 'conflict',
          message: `update of a record lost ${attempt + 1} races; raise \`retries\` or change it less often.`,
          key,
          operation: 'update',
          applied: 'no',
          cause: error,
        });
      }
    }
  }
}
