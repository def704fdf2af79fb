import { isStorageError, type StorageErrorCode } from '@storage/core';
import { type Call, unboundedCall } from './call.ts';
import type { Member } from './coalescer-member.ts';
import { GroupCall } from './group-call.ts';
import type { RowOutcome } from './record-driver.ts';
import { asUnknown } from './translate.ts';

/** One kind of call that is gathered. */
export interface LaneOptions<Op, Result> {
  /**
   * Carries a batch out in one round trip and answers an outcome each, in order. Ids come sorted and no id twice. What it
   * throws is a `StorageError`; `applied` says whether the server may have done it. `call` is over when every caller has left.
   */
  readonly run: (batch: readonly Op[], call: Call) => Promise<readonly RowOutcome<Result>[]>;
  /** `false`: a read. Reads of one id share a place in a batch, whichever of their ops is sent. */
  readonly write: boolean;
  /** Carrying a batch out twice has the effect of once: what was lost on the way is tried once more. Missing: true of reads, false of writes. */
  readonly idempotent?: boolean | undefined;
  /** Missing: 1,000. */
  readonly maxBatch?: number | undefined;
  /** How many batches are under way at once. Missing: 1. */
  readonly maxInFlight?: number | undefined;
}

type AnyMember = Member<unknown, unknown>;

/** Verdicts on the connection or the caller, not on a member: trying the members one by one would not help. */
const notOfMembers: ReadonlySet<StorageErrorCode> = new Set([
  'aborted',
  'closed',
  'not_initialized',
  'permission_denied',
  'rate_limited',
  'timeout',
  'unauthenticated',
  'unavailable',
]);

/** A lane at work: what it may have under way, and how a batch is carried out. */
export class Lane {
  readonly write: boolean;
  readonly maxBatch: number;
  readonly maxInFlight: number;
  inFlight = 0;
  readonly #run: (batch: readonly unknown[], call: Call) => Promise<readonly RowOutcome<unknown>[]>;
  readonly #idempotent: boolean;

  constructor(options: LaneOptions<never, unknown>) {
    this.#run = options.run as (batch: readonly unknown[], call: Call) => Promise<readonly RowOutcome<unknown>[]>;
    this.write = options.write;
    this.#idempotent = options.idempotent ?? !options.write;
    this.maxBatch = options.maxBatch ?? 1000;
    this.maxInFlight = options.maxInFlight ?? 1;
  }

  /** Carries a batch out and answers its callers. Never rejects. */
  async send(members: readonly AnyMember[]): Promise<void> {
    const places = this.#places(members);
    const call = this.#enter(members);
    try {
      this.#answer(places, await this.#attempt(places, call));
    } catch (error) {
      if (places.length > 1 && this.#rejected(error)) {
        for (const place of places) await this.#alone(place, call);
      } else for (const member of members) member.reject(error);
    }
  }

  /** Members by id, sorted, so that batches of several processes can't wait for one another in a circle. */
  #places(members: readonly AnyMember[]): readonly (readonly AnyMember[])[] {
    if (members.length === 1) return [members];
    const byId = new Map<string, AnyMember[]>();
    for (const member of members) {
      const place = byId.get(member.id);
      if (place === undefined) byId.set(member.id, [member]);
      else place.push(member);
    }
    return [...byId.keys()].sort().map((id) => byId.get(id) ?? []);
  }

  #enter(members: readonly AnyMember[]): Call {
    // Nobody can leave, so nothing has to be watched.
    if (members.every(({ call }) => call === unboundedCall)) return unboundedCall;
    const group = new GroupCall();
    for (const member of members) {
      group.enter();
      member.group = group;
    }
    for (const member of members) member.watch(this.write);
    return group;
  }

  async #attempt(places: readonly (readonly AnyMember[])[], call: Call): Promise<readonly RowOutcome<unknown>[]> {
    const ops = places.map(([member]) => member?.op);
    try {
      return await this.#run(ops, call);
    } catch (error) {
      const lost = isStorageError(error, 'unavailable') && error.applied !== 'no';
      if (!lost || !this.#idempotent) throw error;
      call.check();
      try {
        return await this.#run(ops, call);
      } catch (again) {
        throw this.write ? asUnknown(again) : again;
      }
    }
  }

  /** Whether the server has definitely refused the batch for what was in it. */
  #rejected(error: unknown): boolean {
    return isStorageError(error) && error.applied !== 'unknown' && !notOfMembers.has(error.code);
  }

  async #alone(place: readonly AnyMember[], call: Call): Promise<void> {
    if (place.every((member) => member.settled)) return;
    try {
      this.#answer([place], await this.#attempt([place], call));
    } catch (error) {
      for (const member of place) member.reject(error);
    }
  }

  #answer(places: readonly (readonly AnyMember[])[], outcomes: readonly RowOutcome<unknown>[]): void {
    for (const [index, place] of places.entries()) {
      const outcome = outcomes[index];
      for (const member of place) {
        if (outcome?.ok) member.resolve(outcome.value);
        else
          member.reject(
            outcome?.error ?? new Error(`A batch of ${places.length} was answered with ${outcomes.length} outcomes.`),
          );
      }
    }
  }
}
