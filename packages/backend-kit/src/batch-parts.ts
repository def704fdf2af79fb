import { StorageError } from '@storage/core';

/** A part that could not be sent, and why. */
interface Failed<Item> {
  readonly part: readonly Item[];
  readonly error: StorageError;
}

/**
 * Sends the parts of a batch, one after another, or `atOnce` at a time. When one fails, no other is begun; the error says in
 * `details.kept` the ids of the parts that are there, in order, and in `details.failed` those of the parts that failed; what
 * follows was not sent. `applied` is `no` where nothing was kept and no part may be there, then `unknown`: of the batch as a whole
 * a share is there. `translate` makes a `StorageError` of what the engine threw.
 */
export async function inParts<Item extends { readonly id: string }>(
  parts: Iterable<readonly Item[]>,
  send: (part: readonly Item[]) => Promise<void>,
  translate: (thrown: unknown) => StorageError,
  atOnce: number = 1,
): Promise<void> {
  const kept: (readonly Item[])[] = [];
  const failed: Failed<Item>[] = [];
  const rest = numbered(parts);
  const stream = async (): Promise<void> => {
    for (const [place, part] of rest) {
      try {
        await send(part);
        kept[place] = part;
      } catch (error) {
        failed.push({ part, error: translate(error) });
      }
      if (failed.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, stream));
  const [first] = failed;
  if (first !== undefined) throw partlyDone(first.error, kept.flat(), failed);
}

/** Parts with their places, which several take from: who leaves does not end it for the others. */
function numbered<Item>(parts: Iterable<readonly Item[]>): Iterable<readonly [number, readonly Item[]]> {
  const rest = parts[Symbol.iterator]();
  let place = 0;
  const next = (): IteratorResult<readonly [number, readonly Item[]]> => {
    const { done, value } = rest.next();
    return done === true ? { done, value } : { value: [place++, value] };
  };
  return { [Symbol.iterator]: () => ({ next }) };
}

const idsOf = (items: readonly { readonly id: string }[]): readonly string[] => items.map(({ id }) => id);

function partlyDone(
  error: StorageError,
  kept: readonly { readonly id: string }[],
  failed: readonly Failed<{ readonly id: string }>[],
): StorageError {
  const { code, message, backend, operation, key, retryable, cause } = error;
  const surely = kept.length === 0 && failed.every((each) => each.error.applied === error.applied);
  const applied = surely ? error.applied : 'unknown';
  const details = { ...error.details, kept: idsOf(kept), failed: idsOf(failed.flatMap(({ part }) => part)) };
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
