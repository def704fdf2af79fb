import { StorageError } from '@storage/core';

/**
 * Sends the parts of a batch, one after another. When one fails, the error says in `details.kept` the ids of the parts before,
 * which are there, and in `details.failed` those of the part that failed; what follows was not sent. `applied` is that of the
 * part as long as nothing was kept, then `unknown`: of the batch as a whole a share is there.
 * `translate` makes a `StorageError` of what the engine threw.
 */
export async function inParts<Item extends { readonly id: string }>(
  parts: Iterable<readonly Item[]>,
  send: (part: readonly Item[]) => Promise<void>,
  translate: (thrown: unknown) => StorageError,
): Promise<void> {
  const kept: string[] = [];
  for (const part of parts) {
    try {
      await send(part);
    } catch (error) {
      throw partlyDone(translate(error), kept, part);
    }
    for (const { id } of part) kept.push(id);
  }
}

function partlyDone(
  error: StorageError,
  kept: readonly string[],
  part: readonly { readonly id: string }[],
): StorageError {
  const { code, message, backend, operation, key, retryable, cause } = error;
  const applied = kept.length === 0 ? error.applied : 'unknown';
  const details = { ...error.details, kept, failed: part.map(({ id }) => id) };
  const told = new StorageError({ code, message, backend, operation, key, retryable, applied, details, cause });
  if (error.stack !== undefined) told.stack = error.stack;
  return told;
}

/** Items in parts of at most `count`, and of at most `bytes` as `sizeOf` tells; an item that is larger alone stands alone. */
export function* partsOf<Item>(
  items: readonly Item[],
  limits: { readonly count: number; readonly bytes?: number },
  sizeOf: (item: Item) => number = () => 0,
): Generator<readonly Item[], void, undefined> {
  const { count, bytes = Number.POSITIVE_INFINITY } = limits;
  let part: Item[] = [];
  let size = 0;
  for (const item of items) {
    const more = sizeOf(item);
    if (part.length > 0 && (part.length >= count || size + more > bytes)) {
      yield part;
      part = [];
      size = 0;
    }
    part.push(item);
    size += more;
  }
  if (part.length > 0) yield part;
}
