import { type CallOptions, type HealthReport, type HealthStatus, isStorageError } from '@storage/core';
import { type Call, makeCall, type OwnedCall, raceCall, unboundedCall } from './call.ts';
import type { Lifecycle } from './lifecycle.ts';

/** What a backend's own check found. */
export interface HealthFinding {
  /** Missing: `healthy`. */
  readonly status?: HealthStatus | undefined;
  readonly message?: string | undefined;
  readonly details?: { readonly [name: string]: unknown } | undefined;
}

export interface HealthOptions {
  readonly backend: string;
  readonly lifecycle: Pick<Lifecycle, 'state'>;
  /** Asks the engine, as cheaply as tells the truth. What it throws is an outage. */
  readonly check: (call: Call) => HealthFinding | Promise<HealthFinding>;
  /** Makes a safe message of what `check` threw. */
  readonly translate: (
    error: unknown,
    site: { readonly operation: string; readonly key: undefined; readonly write: false },
  ) => { readonly message: string };
  readonly clock?: (() => number) | undefined;
  readonly defaultTimeoutMs?: number | undefined;
}

async function examine(options: HealthOptions, callOptions: CallOptions | undefined): Promise<HealthFinding> {
  const { backend, lifecycle } = options;
  if (lifecycle.state === 'new' || lifecycle.state === 'opening') {
    return { status: 'unknown', message: `The ${backend} backend is not open yet; await open() first.` };
  }
  if (lifecycle.state !== 'open') return { status: 'unhealthy', message: `The ${backend} backend is closed.` };
  let call: OwnedCall = unboundedCall;
  try {
    call = makeCall(callOptions, options.defaultTimeoutMs);
    call.check();
    return await raceCall(Promise.resolve(options.check(call)), call);
  } catch (error) {
    // A mistake in the options says nothing about the engine.
    const status = isStorageError(error, 'invalid_argument') ? 'unknown' : 'unhealthy';
    return { status, message: options.translate(error, { operation: 'health', key: undefined, write: false }).message };
  } finally {
    call.end();
  }
}

/** A `health` that never rejects and measures how long it took. */
export function createHealth(options: HealthOptions): (callOptions?: CallOptions) => Promise<HealthReport> {
  return async (callOptions) => {
    const start = performance.now();
    const { status = 'healthy', message, details = {} } = await examine(options, callOptions);
    return {
      name: options.backend,
      status,
      latencyMs: performance.now() - start,
      ...(message !== undefined && { message }),
      details,
      checkedAt: new Date(options.clock?.() ?? Date.now()),
    };
  };
}
