import { setMaxListeners } from 'node:events';
import { type Call, callOver } from '@storage/backend-kit';
import { abortedError } from '@storage/core';

/** How many requests of one call are under way at once, whatever the pool allows. */
const width = 64;

/**
 * Does the work for every item, many at a time, and answers in the order of the items. The caller's signal gets one listener, not one
 * for each request. The first failure ends it; what is under way then is waited for.
 */
export async function fanOut<T, R>(
  items: readonly T[],
  call: Call,
  work: (item: T, call: Call, index: number) => Promise<R>,
): Promise<R[]> {
  const [only] = items;
  if (items.length === 1) return [await work(only as T, call, 0)];
  const { signal } = call;
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const leave = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', leave, { once: true });
  if (signal?.aborted) leave();
  const inner: Call =
    signal === undefined ? call : { signal: controller.signal, deadline: call.deadline, check: () => call.check() };
  const results = new Array<R>(items.length);
  let next = 0;
  let failure: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (next < items.length && failure === undefined) {
      const index = next++;
      try {
        if (signal?.aborted) throw callOver(call) ?? abortedError(signal);
        results[index] = await work(items[index] as T, inner, index);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  } finally {
    signal?.removeEventListener('abort', leave);
  }
  if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
  return results;
}
