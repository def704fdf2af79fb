import { isStorageError, type StorageError, type StoredRecord } from '@storage/core';

/** What a writer stores: its token, and the token again and again, so that half a value or a mixture of two shows. */
export interface LedgerValue {
  readonly [member: string]: string;
  readonly token: string;
  readonly text: string;
}

export function ledgerValue(token: string): LedgerValue {
  // Lengths differ from write to write, up to some 2 kB.
  let spread = 0;
  for (const character of token) spread = (spread * 31 + character.charCodeAt(0)) % 97;
  return { token, text: token.repeat(1 + spread) };
}

/** What may be under a key: tokens, or `undefined` for nothing. One member: it is certain. */
export interface KeyState {
  readonly key: string;
  possible: readonly (string | undefined)[];
  /** Tokens of writes that were told as not applied. */
  readonly refused: Set<string>;
}

/** What was promised and what was found. */
export interface LedgerReport {
  /** What a backend did that it must not do, in words; empty when all is well. At most 50 of them. */
  readonly violations: readonly string[];
  /** Writes that were acknowledged, failed with `applied: 'no'`, failed with `applied: 'unknown'`. */
  readonly acknowledged: number;
  readonly refused: number;
  readonly unknown: number;
  /** Reads that were answered. */
  readonly reads: number;
  /** How often calls failed, by code. */
  readonly errors: { readonly [code: string]: number };
  /** The longest call, in milliseconds. */
  readonly slowestMs: number;
}

const maxViolations = 50;

/** Every key has one writer, so what may be under it is known after every call, whatever the others do. */
export class Ledger {
  readonly keys: Map<string, KeyState> = new Map();
  readonly violations: string[] = [];
  readonly errors: Record<string, number> = {};
  acknowledged = 0;
  refused = 0;
  unknown = 0;
  reads = 0;
  slowestMs = 0;

  violation(text: string): void {
    if (this.violations.length < maxViolations) this.violations.push(text);
  }

  open(key: string): KeyState {
    const state: KeyState = { key, possible: [undefined], refused: new Set() };
    this.keys.set(key, state);
    return state;
  }

  /** A write was acknowledged: what it made is there, and nothing else. */
  applied(state: KeyState, token: string | undefined): void {
    this.acknowledged++;
    state.possible = [token];
  }

  /** A write failed. */
  failed(state: KeyState, token: string | undefined, operation: string, error: StorageError): void {
    if (error.applied === undefined)
      this.violation(`${operation} of ${state.key} failed with ${error.code} and does not say whether it was applied`);
    if (error.applied === 'no') {
      this.refused++;
      if (token !== undefined) state.refused.add(token);
      // Nobody else writes this key, so a condition on what is certain holds.
      if (error.code === 'conflict' || error.code === 'already_exists')
        this.violation(`${operation} of ${state.key} lost to another writer (${error.code}), but there is none`);
    } else {
      this.unknown++;
      if (!state.possible.includes(token)) state.possible = [...state.possible, token];
    }
  }

  /** Counts an error and refuses those that an outage does not explain. */
  error(thrown: unknown, operation: string, expected: ReadonlySet<string>): StorageError | undefined {
    if (!isStorageError(thrown)) {
      this.violation(`${operation} failed with what is no StorageError: ${String(thrown)}`);
      return undefined;
    }
    this.errors[thrown.code] = (this.errors[thrown.code] ?? 0) + 1;
    if (!expected.has(thrown.code))
      this.violation(`${operation} failed with ${thrown.code} (${thrown.message}), which no outage explains`);
    return thrown;
  }

  /** What was read, against what may be there. */
  found(state: KeyState, record: StoredRecord<unknown> | undefined, when: string): void {
    this.reads++;
    const token = this.#tokenOf(state, record, when);
    if (token === false || state.possible.includes(token)) return;
    const expected = state.possible.map((possible) => possible ?? 'nothing').join(' or ');
    if (token !== undefined && state.refused.has(token))
      this.violation(`${when}: ${state.key} has ${token}, whose write was told as not applied; expected ${expected}`);
    else if (token === undefined)
      this.violation(`${when}: ${state.key} has nothing; expected ${expected}, which was acknowledged`);
    else this.violation(`${when}: ${state.key} has ${token}; expected ${expected}`);
  }

  /** The token of a record that is whole, `undefined` for none, `false` for one that is not. */
  #tokenOf(state: KeyState, record: StoredRecord<unknown> | undefined, when: string): string | undefined | false {
    if (record === undefined) return undefined;
    const { token, text } = record.data as LedgerValue;
    if (typeof token === 'string' && text === ledgerValue(token).text) return token;
    this.violation(`${when}: ${state.key} has half a value, or a mixture of two`);
    return false;
  }

  report(): LedgerReport {
    const { violations, acknowledged, refused, unknown, reads, errors, slowestMs } = this;
    return { violations: [...violations], acknowledged, refused, unknown, reads, errors: { ...errors }, slowestMs };
  }
}
