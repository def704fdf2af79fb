import { type Call, raceCall, unboundedCall } from './call.ts';
import { Member } from './coalescer-member.ts';
import { isPromise } from './context.ts';
import { GroupCall } from './group-call.ts';
import type { MaybePromise, RowOutcome } from './record-driver.ts';

export interface SyncCoalescerOptions<Op, Result> {
  /**
   * Carries a batch out as one transaction, in order, and answers after its commit with an outcome each. What it throws befalls
   * every member. It may answer by promise (a busy engine that is tried again); other writes wait meanwhile. `call` is over when
   * every caller has left.
   */
  readonly run: (batch: readonly Op[], call: Call) => MaybePromise<readonly RowOutcome<Result>[]>;
  /** Missing: 1,000. */
  readonly maxBatch?: number | undefined;
}

const none: readonly never[] = [];

/** Something that waits behind the writes of a key. */
interface Waiting {
  /** `undefined`: behind every write. */
  readonly id: string | undefined;
  readonly start: () => void;
}

/**
 * Gathers writes over a synchronous engine until `setImmediate`, and carries out what one turn of the event loop brought as one
 * batch. Calls on a key keep their order: writes stand in a batch as they came (one engine, one writer: nothing to gain from
 * sorting, and a key may stand twice), and whatever else touches a key with a queued write goes through `after`.
 * Conditional, streamed and transactional calls are not for `write`; they use `after`.
 */
export class SyncCoalescer<Op, Result> {
  readonly #run: SyncCoalescerOptions<Op, Result>['run'];
  readonly #maxBatch: number;
  #queue: (Member<Op, Result> | Waiting)[] = [];
  #waiting = 0;
  /** Ids that stand in the queue, and those of a batch that answers by promise. */
  #queued = new Set<string>();
  #running: Set<string> | undefined;
  /** Ids with a task under way that answers by promise. Everything later of theirs waits. */
  readonly #held = new Map<string, number>();
  #scheduled = false;
  readonly #onTurn = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  constructor(options: SyncCoalescerOptions<Op, Result>) {
    this.#run = options.run;
    this.#maxBatch = options.maxBatch ?? 1000;
  }

  /** Nothing is queued or running: there is no need to ask for a key, nor for a read to go through `after`. */
  get idle(): boolean {
    return this.#queue.length === 0 && this.#running === undefined && this.#held.size === 0;
  }

  /** Whether something is queued or running for the key, told by `recordId`. */
  pending(id: string): boolean {
    return this.#queued.has(id) || this.#held.has(id) || (this.#running?.has(id) ?? false);
  }

  /** Queues a write that depends on nothing. */
  write(id: string, op: Op, call: Call): Promise<Result> {
    const member = new Member<Op, Result>(id, op, call);
    this.#queue.push(member);
    this.#queued.add(id);
    if (this.#running !== undefined || this.#held.size > 0) member.watch(true);
    if (this.#running === undefined) this.#schedule();
    return member.promise;
  }

  /**
   * Runs `task` at once when nothing is queued for the key, else behind what is; what comes later for the key waits for it, also
   * when it answers by promise. `undefined`: behind every write that is queued now; later writes do not wait for it.
   */
  after<T>(id: string | undefined, call: Call, task: () => MaybePromise<T>): MaybePromise<T> {
    if (id === undefined ? this.idle : !this.pending(id)) return this.#begin(id, task);
    const behind = new Promise<T>((resolve, reject) => {
      const start = (): void => {
        try {
          call.check();
          resolve(this.#begin(id, task));
        } catch (error) {
          reject(error);
        }
      };
      this.#queue.push({ id, start });
      if (id !== undefined) this.#queued.add(id);
      this.#waiting++;
      if (this.#running === undefined) this.#schedule();
    });
    return raceCall(behind, call);
  }

  /** Runs a task, and holds its key until it has settled. */
  #begin<T>(id: string | undefined, task: () => MaybePromise<T>): MaybePromise<T> {
    const result = task();
    if (id === undefined || !isPromise(result)) return result;
    this.#held.set(id, (this.#held.get(id) ?? 0) + 1);
    const release = (): void => {
      const left = (this.#held.get(id) ?? 1) - 1;
      if (left > 0) this.#held.set(id, left);
      else this.#held.delete(id);
      this.flush();
    };
    result.then(release, release);
    return result;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#onTurn);
  }

  /** Carries out what is queued now, without waiting for the turn to end. */
  flush(): void {
    while (this.#running === undefined && this.#queue.length > 0 && this.#round());
  }

  /** Answers whether there was anything to carry out. */
  #round(): boolean {
    const { batch, tasks } = this.#take();
    if (batch.length === 0 && tasks.length === 0) return false;
    const members = batch.every((member) => member.call === unboundedCall)
      ? batch
      : batch.filter((member) => member.wanted(true));
    if (members.length > 0) {
      const group = new GroupCall();
      const pending = this.#attempt(members, group);
      if (pending !== undefined) {
        void this.#wait(members, group, pending, tasks);
        return true;
      }
    }
    for (const task of tasks) task.start();
    return true;
  }

  /** Takes the next batch out of the queue and what follows it. */
  #take(): { readonly batch: readonly Member<Op, Result>[]; readonly tasks: readonly Waiting[] } {
    const queue = this.#queue;
    if (this.#waiting === 0 && this.#held.size === 0 && queue.length <= this.#maxBatch) {
      this.#queue = [];
      this.#queued.clear();
      return { batch: queue as Member<Op, Result>[], tasks: none };
    }
    return this.#select(queue);
  }

  #select(queue: readonly (Member<Op, Result> | Waiting)[]): {
    readonly batch: Member<Op, Result>[];
    readonly tasks: Waiting[];
  } {
    const batch: Member<Op, Result>[] = [];
    const tasks: Waiting[] = [];
    const rest: (Member<Op, Result> | Waiting)[] = [];
    // Keys with a task in `tasks`, which may take its time, and keys with an entry in `rest`: everything later of theirs waits.
    const closed = new Set<string>();
    const deferred = new Set<string>();
    for (const entry of queue) {
      const { id } = entry;
      const isTask = 'start' in entry;
      let waits: boolean;
      if (id === undefined) waits = rest.length > 0 || this.#held.size > 0;
      else
        waits = deferred.has(id) || this.#held.has(id) || closed.has(id) || (!isTask && batch.length >= this.#maxBatch);
      if (waits) {
        rest.push(entry);
        if (!isTask) entry.watch(true);
        if (id !== undefined) deferred.add(id);
      } else if (isTask) {
        tasks.push(entry);
        if (id !== undefined) closed.add(id);
      } else batch.push(entry);
    }
    this.#queue = rest;
    this.#waiting -= tasks.length;
    this.#queued = deferred;
    return { batch, tasks };
  }

  /** Runs a batch and answers its callers; a promise when the engine needs time. */
  #attempt(
    members: readonly Member<Op, Result>[],
    group: GroupCall,
  ): Promise<readonly RowOutcome<Result>[]> | undefined {
    try {
      const outcomes = this.#run(
        members.map((member) => member.op),
        group,
      );
      if (isPromise(outcomes)) return outcomes;
      answer(members, outcomes);
    } catch (error) {
      for (const member of members) member.reject(error);
    }
    return undefined;
  }

  async #wait(
    members: readonly Member<Op, Result>[],
    group: GroupCall,
    pending: Promise<readonly RowOutcome<Result>[]>,
    tasks: readonly Waiting[],
  ): Promise<void> {
    this.#running = new Set(members.map((member) => member.id));
    for (const task of tasks) if (task.id !== undefined) this.#running.add(task.id);
    for (const member of members) {
      group.enter();
      member.group = group;
      member.watch(true);
    }
    for (const entry of this.#queue) if (!('start' in entry)) entry.watch(true);
    try {
      answer(members, await pending);
    } catch (error) {
      for (const member of members) member.reject(error);
    }
    this.#running = undefined;
    for (const task of tasks) task.start();
    this.flush();
  }
}

function answer<Result>(members: readonly Member<unknown, Result>[], outcomes: readonly RowOutcome<Result>[]): void {
  members.forEach((member, index) => {
    const outcome = outcomes[index];
    if (outcome === undefined)
      member.reject(new Error(`A batch of ${members.length} was answered with ${outcomes.length} outcomes.`));
    else if (outcome.ok) member.resolve(outcome.value);
    else member.reject(outcome.error);
  });
}
