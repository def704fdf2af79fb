import {
  type CallOptions,
  type DataAccess,
  type DataItem,
  type DataReference,
  outcome,
  StorageError,
  type StoredRecord,
  uuidv7,
} from '../index.ts';

/** One part of `storeAll`. */
export interface StorePart extends DataItem {
  readonly provider: string;
}

/** A part that may still be there although the whole failed. */
export interface NotUndone {
  readonly provider: string;
  readonly key: string;
  readonly error: StorageError;
}

interface Done {
  readonly part: StorePart;
  readonly key: string;
  readonly previous: StoredRecord<unknown> | undefined;
}

/**
 * Stores parts on several providers, in order, as one: when a part fails, those before it are undone in reverse order (deleted, or put
 * back as they were) and the call fails with that part's code; `details` has `index`, the part that failed, `undone`, how many were
 * undone, and `notUndone`, a `NotUndone` for each that could not be. Others may see parts in between, and a crash leaves them.
 */
export async function storeAll(
  dm: DataAccess,
  parts: Iterable<StorePart>,
  options: CallOptions = {},
): Promise<readonly DataReference[]> {
  const references: DataReference[] = [];
  const done: Done[] = [];
  for (const part of parts) {
    const { provider, data, key = uuidv7(), ...rest } = part;
    // What is replaced is needed to put it back; a key that is made now replaces nothing.
    const read = part.key === undefined ? undefined : await outcome(dm.getRecordByKey<unknown>(provider, key, options));
    if (read !== undefined && !read.ok) throw await undo(dm, done, read.error);
    const stored = await outcome(dm.store(provider, data, { ...rest, key, ...options }));
    const step: Done = { part, key, previous: read?.value };
    if (stored.ok) {
      references.push(stored.value);
      done.push(step);
    } else {
      throw await undo(
        dm,
        stored.error.applied === 'unknown' ? [...done, step] : done,
        stored.error,
        references.length,
      );
    }
  }
  return references;
}

async function undo(
  dm: DataAccess,
  done: readonly Done[],
  error: StorageError,
  index: number = done.length,
): Promise<StorageError> {
  const notUndone: NotUndone[] = [];
  for (const { part, key, previous } of done.toReversed()) {
    const undone = await outcome<unknown>(
      previous === undefined ? dm.deleteByKey(part.provider, key) : putBack(dm, part.provider, previous),
    );
    if (!undone.ok) notUndone.push({ provider: part.provider, key, error: undone.error });
  }
  const left = notUndone.map(({ provider, key }) => `${provider}:${key}`).join(', ');
  return new StorageError({
    code: error.code,
    message: `part ${index} of storeAll failed: ${error.message}${left === '' ? ' Everything before it was undone.' : ` Could not be undone: ${left}.`}`,
    backend: error.backend,
    operation: 'storeAll',
    key: error.key,
    retryable: error.retryable,
    applied: notUndone.length === 0 ? 'no' : 'unknown',
    details: { ...error.details, index, undone: done.length - notUndone.length, notUndone },
    cause: error,
  });
}

function putBack(dm: DataAccess, provider: string, previous: StoredRecord<unknown>): Promise<DataReference> {
  const { key, data, metadata, contentType, expiresAt } = previous;
  const ttlMs = expiresAt && Math.max(1, expiresAt.getTime() - Date.now());
  // An expiry that came from `metadata.ttl` is put back through it, or it would be refused beside `ttlMs`.
  const expiry =
    ttlMs !== undefined && 'ttl' in metadata ? { metadata: { ...metadata, ttl: ttlMs / 1000 } } : { metadata, ttlMs };
  return dm.store(provider, data as object, { key, contentType, ...expiry });
}
