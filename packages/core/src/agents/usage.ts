import type { DataManager } from '../index.ts';

export interface OperationUsage {
  readonly calls: number;
  readonly errors: number;
  /** Milliseconds of all calls together. */
  readonly totalMs: number;
}

/** Calls by provider and operation. */
export interface Usage {
  readonly [provider: string]: OperationUsage & {
    readonly operations: { readonly [operation: string]: OperationUsage };
  };
}

export interface UsageTracker {
  /** What was counted so far, as a copy. */
  usage(): Usage;
  /** Counts no more. */
  stop(): void;
}

const none: OperationUsage = { calls: 0, errors: 0, totalMs: 0 };

/** Counts the calls on each provider of a DataManager from now on. */
export function trackUsage(dm: DataManager): UsageTracker {
  const providers = new Map<string, Map<string, OperationUsage>>();
  const stop = dm.observe(({ provider, operation, durationMs, error }) => {
    const operations = providers.get(provider) ?? new Map<string, OperationUsage>();
    const before = operations.get(operation) ?? none;
    operations.set(operation, plus(before, { calls: 1, errors: error === undefined ? 0 : 1, totalMs: durationMs }));
    providers.set(provider, operations);
  });
  return {
    stop,
    usage: () =>
      Object.fromEntries(
        Array.from(providers, ([provider, operations]) => [
          provider,
          { ...[...operations.values()].reduce(plus, none), operations: Object.fromEntries(operations) },
        ]),
      ),
  };
}

function plus(a: OperationUsage, b: OperationUsage): OperationUsage {
  return { calls: a.calls + b.calls, errors: a.errors + b.errors, totalMs: a.totalMs + b.totalMs };
}
