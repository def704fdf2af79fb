import {
  assertKey,
  type CallOptions,
  childNamespace,
  invalidArgument,
  type RecordStore,
  StorageError,
  type TransactionOperation,
  type TransactionResult,
  type TransactionScope,
  type Transactions,
} from '@storage/core';
import type { Call } from './call.ts';
import { type BackendContext, CallGuard } from './context.ts';
import type { Gate } from './lifecycle.ts';
import type { InfoRow, MaybePromise, RecordDriver, WriteRow } from './record-driver.ts';
import { checkBatch, checkDelete, encodeWrite, recordCapabilities, unsupported } from './record-encode.ts';
import { toInfo } from './record-rows.ts';
import { RecordStoreFacade } from './record-store.ts';

/** One step, checked and encoded. `ns` is the escaped namespace path. */
export type TransactionStep =
  | { readonly type: 'write'; readonly ns: string; readonly row: WriteRow }
  | {
      readonly type: 'remove';
      readonly ns: string;
      readonly key: string;
      readonly etag: string | undefined;
      readonly report: boolean;
    };

/** What a backend implements for transactions; the facade (`createTransactions`) makes the contract of it. */
export interface TransactionDriver<Native> {
  /** All steps in one transaction, in order. A step that fails undoes all; the driver wraps its error with `stepFailed`. */
  run(steps: readonly TransactionStep[], call: Call): MaybePromise<readonly (InfoRow | boolean)[]>;
  /**
   * Begins a transaction and hands a driver inside of it to `body`; commits when that resolves, rolls back when it rejects, and
   * rejects with the same reason. Missing where `capabilities.transactions.interactive` is false.
   */
  with?<T>(body: (records: RecordDriver<Native>) => Promise<T>, call: Call): Promise<T>;
}

/** The error of a step, with its index. Nothing was applied. */
export function stepFailed(error: StorageError, index: number): StorageError {
  return new StorageError({
    ...error,
    message: error.message,
    applied: 'no',
    details: { ...error.details, index },
    cause: error.cause,
  });
}

/** Calls inside a transaction are taken until its body has settled. */
class TransactionGate implements Gate {
  readonly #call: Call;
  #ended = false;
  #inFlight = 0;
  #onIdle: (() => void) | undefined;

  constructor(call: Call) {
    this.#call = call;
  }

  assertOpen(): void {
    if (this.#ended) {
      throw new StorageError({
        code: 'invalid_state',
        message: 'The transaction is over; await every call inside its body, and use the store itself afterwards.',
      });
    }
    this.#call.check();
  }

  enter(): void {
    this.#inFlight++;
  }

  leave(): void {
    if (--this.#inFlight === 0) this.#onIdle?.();
  }

  /** Takes no more calls, and waits for those that the body did not await. */
  async end(): Promise<void> {
    this.#ended = true;
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }
}

class TransactionsFacade<Native> implements Transactions {
  readonly #driver: TransactionDriver<Native>;
  readonly #guard: CallGuard;

  constructor(driver: TransactionDriver<Native>, context: BackendContext) {
    this.#driver = driver;
    this.#guard = new CallGuard(context);
  }

  #encode(operation: TransactionOperation): TransactionStep {
    const { context } = this.#guard;
    const capabilities = recordCapabilities(context);
    const { type, key, namespace = [] } = operation;
    const ns = namespace.reduce(childNamespace, '');
    if (type === 'store')
      return { type: 'write', ns, row: encodeWrite(key, operation.data, operation.options, context, capabilities) };
    if (type !== 'delete') throw invalidArgument("An operation's type is 'store' or 'delete'.", { path: 'type' });
    assertKey(key);
    return { type: 'remove', ns, key, ...checkDelete(operation.options, capabilities) };
  }

  run(operations: Iterable<TransactionOperation>, options?: CallOptions): Promise<readonly TransactionResult[]> {
    return this.#guard.run('transactions.run', undefined, true, options, () => {
      const steps = checkBatch(operations, 'operations', (operation) => this.#encode(operation));
      return async (call) => {
        if (steps.length === 0) return [];
        const results = await this.#driver.run(steps, call);
        return results.map((result) => (typeof result === 'boolean' ? result : toInfo(result)));
      };
    });
  }

  async with<T>(body: (transaction: TransactionScope) => Promise<T>, options?: CallOptions): Promise<T> {
    let failed: { readonly reason: unknown } | undefined;
    try {
      return await this.#guard.run('transactions.with', undefined, true, options, () => {
        const { transactions } = this.#guard.context.capabilities;
        if (this.#driver.with === undefined || transactions === false || !transactions.interactive) {
          throw unsupported('interactive transactions', 'transactions.interactive');
        }
        if (typeof body !== 'function') throw invalidArgument('body must be a function.', { path: 'body' });
        const begin = this.#driver.with.bind(this.#driver);
        return (call) =>
          begin(async (driver) => {
            const gate = new TransactionGate(call);
            try {
              return await body({ records: this.#records(driver, gate) });
            } catch (reason) {
              failed = { reason };
              throw reason;
            } finally {
              await gate.end();
              // Out of time before the commit: rolled back.
              if (failed === undefined) call.check();
            }
          }, call);
      });
    } catch (error) {
      // The body's own reason goes to the caller as it is.
      throw failed === undefined ? error : failed.reason;
    }
  }

  #records(driver: RecordDriver<Native>, gate: Gate): RecordStore {
    return new RecordStoreFacade(driver, new CallGuard({ ...this.#guard.context, lifecycle: gate }), '');
  }
}

/** The contract of transactions over a driver. */
export function createTransactions<Native>(driver: TransactionDriver<Native>, context: BackendContext): Transactions {
  return new TransactionsFacade(driver, context);
}
