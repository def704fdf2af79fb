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

interface Step {
  readonly provider: string;
  readonly key: string;
  previous: StoredRecord<unknown> | undefined;
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
  const done: Step[] = [];
  for (const part of parts) {
    const { provider, data, key = uuidv7(), ...rest } = part;
    const step: Step = { provider, key, previous: undefined };
    const store = async (): Promise<DataReference> => {
      // What is replaced is needed to put it back; a key that is made now replaces nothing.
      if (part.key !== undefined) step.previous = await dm.getRecordByKey<unknown>(provider, key, options);
      return dm.store(provider, data, { ...rest, key, ...options });
    };
    const stored = await outcome(store());
    if (!stored.ok) {
      if (stored.error.applied === 'unknown') done.push(step);
      throw await undo(dm, done, stored.error, references.length);
    }
    references.push(stored.value);
    done.push(step);
  }
  return references;
}

async function undo(dm: DataAccess, done: readonly Step[], error: StorageError, index: number): Promise<StorageError> {
  const notUndone: NotUndone[] = [];
  for (const { provider, key, previous } of done.toReversed()) {
    const undone = await outcome<unknown>(
      previous === undefined ? dm.deleteByKey(provider, key) : putBack(dm, provider, previous),
    );
    if (!undone.ok) notUndone.push({ provider, key, error: undone.error });
  }
  const left = notUndone.map(({ provider, key }) => `${provider}:${key}`).join(', ');
  return new StorageError({
    ...error,
    message: `part ${index} of storeAll failed: ${error.message} ${left === '' ? 'All before it is undone.' : `Not undone: ${left}.`}`,
    operation: 'storeAll',
    applied: left === '' ? 'no' : 'unknown',
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
