import type { CallOptions, KeyedRecords, RecordInfo, StorageError } from '@storage/core';
import { type KeyState, Ledger, type LedgerReport, ledgerValue } from './ledger.ts';

export interface LedgerOptions {
  /** Where the writers write. Nobody else writes under `prefix` there. */
  readonly records: KeyedRecords;
  /** How many write at once. Missing: 32. */
  readonly writers?: number | undefined;
  /** What every key begins with. Missing: `ledger`. */
  readonly prefix?: string | undefined;
  /** The time each call is given, in milliseconds. Missing: 2,000. */
  readonly timeoutMs?: number | undefined;
  /** How late an answer may be before it counts as a broken deadline: a busy machine's share. Missing: 2,000. */
  readonly graceMs?: number | undefined;
  /** Whether stores with `ifAbsent` and `ifMatch` are among the calls. Missing: `true`. */
  readonly conditional?: boolean | undefined;
  /** Whether `delete` knows whether the record was there. Missing: `true`. */
  readonly deleteReports?: boolean | undefined;
  /** Codes that calls may fail with beside `unavailable` and `timeout`. Missing: none. */
  readonly codes?: readonly string[] | undefined;
}

/** Writers at work. */
export interface LedgerRun {
  /** Resolves when this many more writes have been acknowledged; rejects when that takes longer than `withinMs`. */
  acknowledged(count: number, withinMs: number): Promise<void>;
  /** Lets the calls that are under way end, and the writers with them. */
  stop(): Promise<void>;
  readonly ledger: Ledger;
}

/** Keys of a writer: enough to mix calls on old and new ones. */
const keysPerWriter = 4;
/** How long a writer rests after a failure, in milliseconds. */
const restMs = 20;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Ended<T> = { readonly value: T } | { readonly error: StorageError | undefined };

class Writer {
  readonly #options: LedgerOptions;
  readonly #ledger: Ledger;
  readonly #name: string;
  readonly #call: CallOptions;
  readonly #latestMs: number;
  readonly #expected: ReadonlySet<string>;
  readonly #keys: KeyState[] = [];
  /** What `ifMatch` may be told, by key. */
  readonly #etags = new Map<string, string>();
  #count = 0;

  constructor(options: LedgerOptions, ledger: Ledger, index: number) {
    const { prefix = 'ledger', timeoutMs = 2000, graceMs = 2000, codes = [] } = options;
    this.#options = options;
    this.#ledger = ledger;
    this.#name = `${prefix}-${index}`;
    this.#call = { timeoutMs };
    this.#latestMs = timeoutMs + graceMs;
    this.#expected = new Set(['unavailable', 'timeout', ...codes]);
    for (let slot = 0; slot < keysPerWriter; slot++) this.#renew(slot);
  }

  /** After an unknown outcome the key is left alone: what was sent may still land behind whatever would come next. */
  #renew(slot: number): KeyState {
    const state = this.#ledger.open(`${this.#name}-${slot}-${this.#count++}`);
    this.#keys[slot] = state;
    return state;
  }

  #next(slot: number): { readonly state: KeyState; readonly token: string } {
    const kept = this.#keys[slot];
    const state = kept?.possible.length === 1 ? kept : this.#renew(slot);
    return { state, token: `${this.#name}/${this.#count++}` };
  }

  /** One call after another, until `stopped`. */
  async work(stopped: () => boolean, progress: () => void): Promise<void> {
    const { conditional = true } = this.#options;
    const steps = [
      () => this.#store(0),
      () => (conditional ? this.#storeOnCondition(1) : this.#store(1)),
      () => this.#storeMany(),
      () => this.#retrieve(),
      () => this.#store(2),
      () => this.#delete(2),
      () => (conditional ? this.#storeOnCondition(1) : this.#store(1)),
      () => this.#retrieveMany(),
    ];
    for (let turn = 0; !stopped(); turn++) {
      const before = this.#ledger.acknowledged;
      const well = await steps[turn % steps.length]?.();
      if (this.#ledger.acknowledged > before) progress();
      if (!well) await sleep(restMs);
    }
  }

  /** How a call ended, which is no later than its deadline. */
  async #within<T>(operation: string, call: Promise<T>): Promise<Ended<T>> {
    const start = performance.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), this.#latestMs);
    });
    try {
      const value = await Promise.race([call, late]);
      if (value !== 'late') return { value: value as T };
      this.#ledger.violation(`${operation} had not ended ${this.#latestMs} ms after its call`);
      return { error: undefined };
    } catch (thrown) {
      return { error: this.#ledger.error(thrown, operation, this.#expected) };
    } finally {
      clearTimeout(timer);
      this.#ledger.slowestMs = Math.max(this.#ledger.slowestMs, performance.now() - start);
    }
  }

  /** Notes how a write ended. */
  #settle(state: KeyState, token: string | undefined, operation: string, error: StorageError | undefined): void {
    this.#etags.delete(state.key);
    if (error !== undefined) this.#ledger.failed(state, token, operation, error);
    // Of what is no answer nothing is known.
    else if (!state.possible.includes(token)) state.possible = [...state.possible, token];
  }

  #stored(state: KeyState, token: string, info: RecordInfo): void {
    this.#ledger.applied(state, token);
    this.#etags.set(state.key, info.etag);
  }

  async #store(slot: number, condition: { ifMatch?: string; ifAbsent?: true } = {}): Promise<boolean> {
    const { state, token } = this.#next(slot);
    const operation = `store ${Object.keys(condition).join()}`.trim();
    const { records } = this.#options;
    const ended = await this.#within(
      operation,
      records.store(state.key, ledgerValue(token), { ...this.#call, ...condition }),
    );
    if ('value' in ended) this.#stored(state, token, ended.value);
    else this.#settle(state, token, operation, ended.error);
    return 'value' in ended;
  }

  #storeOnCondition(slot: number): Promise<boolean> {
    const { state } = this.#next(slot);
    const etag = this.#etags.get(state.key);
    if (state.possible[0] === undefined) return this.#store(slot, { ifAbsent: true });
    return this.#store(slot, etag === undefined ? {} : { ifMatch: etag });
  }

  async #storeMany(): Promise<boolean> {
    const members = this.#keys.map((_, slot) => this.#next(slot));
    const items = members.map(({ state, token }) => ({ key: state.key, data: ledgerValue(token) }));
    const ended = await this.#within('storeMany', this.#options.records.storeMany(items, this.#call));
    for (const [index, { state, token }] of members.entries()) {
      if (!('value' in ended)) this.#settle(state, token, 'storeMany', ended.error);
      else {
        const outcome = ended.value[index];
        if (outcome?.ok) this.#stored(state, token, outcome.value);
        else this.#settle(state, token, 'storeMany', this.#ledger.error(outcome?.error, 'storeMany', this.#expected));
      }
    }
    return 'value' in ended;
  }

  async #delete(slot: number): Promise<boolean> {
    const { state } = this.#next(slot);
    const was = state.possible[0] !== undefined;
    const ended = await this.#within('delete', this.#options.records.delete(state.key, this.#call));
    if (!('value' in ended)) {
      this.#settle(state, undefined, 'delete', ended.error);
      return false;
    }
    if ((this.#options.deleteReports ?? true) && ended.value !== was)
      this.#ledger.violation(
        `delete of ${state.key} answered ${ended.value}, and the record was ${was ? '' : 'not '}there`,
      );
    this.#etags.delete(state.key);
    this.#ledger.applied(state, undefined);
    return true;
  }

  async #retrieve(): Promise<boolean> {
    const state = this.#keys[0];
    if (state === undefined) return true;
    const ended = await this.#within('retrieve', this.#options.records.retrieve(state.key, this.#call));
    if ('value' in ended) this.#ledger.found(state, ended.value, 'a read during the run');
    return 'value' in ended;
  }

  async #retrieveMany(): Promise<boolean> {
    const states = [...this.#keys];
    const keys = states.map(({ key }) => key);
    const ended = await this.#within('retrieveMany', this.#options.records.retrieveMany(keys, this.#call));
    if (!('value' in ended)) return false;
    for (const [index, state] of states.entries())
      this.#ledger.found(state, ended.value[index], 'a read during the run');
    return true;
  }
}

/**
 * Lets writers work against a store and keeps a ledger of what they were told, while the caller breaks things. Each writer has
 * keys of its own and makes one call after another: stores, with and without conditions, batches, deletes and reads.
 *
 * ```ts
 * const run = runLedger({ records: backend.records });
 * await run.acknowledged(200, 10_000);
 * await server.kill();
 * await server.start();
 * await run.acknowledged(200, 30_000);                // it recovers by itself
 * await run.stop();
 * const report = await checkLedger(run.ledger, fresh.records);
 * expect(report.violations).toEqual([]);
 * ```
 */
export function runLedger(options: LedgerOptions): LedgerRun {
  const ledger = new Ledger();
  let stopped = false;
  const waiting = new Set<() => void>();
  const writers = Array.from({ length: options.writers ?? 32 }, (_, index) => new Writer(options, ledger, index));
  const working = Promise.all(
    writers.map((writer) =>
      writer.work(
        () => stopped,
        () => {
          for (const look of waiting) look();
        },
      ),
    ),
  );
  // Whoever stops hears of it.
  working.catch(() => undefined);
  return {
    ledger,
    acknowledged: (count, withinMs) => {
      const goal = ledger.acknowledged + count;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(look);
          const found = ledger.acknowledged - goal + count;
          reject(
            new Error(
              `${found} of ${count} writes were acknowledged within ${withinMs} ms: ${JSON.stringify(ledger.report())}`,
            ),
          );
        }, withinMs);
        const look = (): void => {
          if (ledger.acknowledged < goal) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
      });
    },
    stop: async () => {
      stopped = true;
      await working;
    },
  };
}

/** Reads every key of a ledger and tells what is not as it was promised. Give it a store that lost no connection. */
export async function checkLedger(ledger: Ledger, records: KeyedRecords): Promise<LedgerReport> {
  const states = [...ledger.keys.values()];
  for (let first = 0; first < states.length; first += 500) {
    const some = states.slice(first, first + 500);
    const found = await records.retrieveMany(some.map(({ key }) => key));
    for (const [index, state] of some.entries()) ledger.found(state, found[index], 'afterwards');
  }
  return ledger.report();
}
