import type { CallOptions } from './call.ts';
import { invalidArgument, StorageError } from './errors.ts';

/** Refuses a `timeoutMs` that is no time above 0, and a `signal` that is no `AbortSignal` of any realm. */
export function assertCallOptions({ timeoutMs, signal }: CallOptions): void {
  if (timeoutMs !== undefined && !(Number.isFinite(timeoutMs) && timeoutMs > 0))
    throw invalidArgument('timeoutMs must be a finite number of milliseconds above 0.', {
      path: 'timeoutMs',
    });
  if (signal !== undefined && !(typeof signal === 'object' && typeof signal?.addEventListener === 'function'))
    throw invalidArgument('signal must be an AbortSignal.', { path: 'signal' });
}

/** Why a call is over whose signal is aborted. The signal's reason is kept as the cause, whatever it is. */
export function abortedError(signal: AbortSignal): StorageError {
  return new StorageError({ code: 'aborted', message: 'The call was aborted by its signal.', cause: signal.reason });
}
