import { invalidArgument, StorageError } from './errors.ts';
import { timeToLive } from './expiry.ts';
import { assertText } from './keys.ts';
import type { StoreOptions } from './records.ts';

/** Refuses values that an option can't have on any backend: the caller's mistake, also where the option is `unsupported`. */
export function assertOptions({ timeoutMs, signal, ttlMs, ifMatch, contentType }: StoreOptions): void {
  if (timeoutMs !== undefined && !(Number.isFinite(timeoutMs) && timeoutMs > 0))
    throw invalidArgument('timeoutMs must be a finite number of milliseconds above 0.', { path: 'timeoutMs' });
  if (signal !== undefined && !(typeof signal === 'object' && typeof signal?.addEventListener === 'function'))
    throw invalidArgument('signal must be an AbortSignal.', { path: 'signal' });
  timeToLive(undefined, ttlMs);
  if (ifMatch !== undefined) assertText(ifMatch, 'ifMatch');
  if (contentType !== undefined) assertText(contentType, 'contentType');
}

/** Why a call is over whose signal is aborted. The signal's reason is kept as the cause, whatever it is. */
export function abortedError(signal: AbortSignal): StorageError {
  return new StorageError({ code: 'aborted', message: 'The call was aborted by its signal.', cause: signal.reason });
}
