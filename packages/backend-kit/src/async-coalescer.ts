import { type Call, raceCall } from './call.ts';
import { Lane, type LaneOptions } from './coalescer-lane.ts';
import { Member } from './coalescer-member.ts';

/** A gathered call as its driver makes it: `id` by `recordId`. */
export type Gathered<Op, Result> = (id: string, op: Op, call: Call) => Promise<Result>;

type Task = (call: Call) => Promise<unknown>;

class Entry extends Member<unknown, unknown> {
  readonly lane: Lane;

  constructor(lane: Lane, id: string, op: unknown, call: Call) {
    super(id, op, call);
    this.lane = lane;
  }
}

/** How many calls of an id there are. */
interface Use {
  reads: number;
  writes: number;
}

/** Calls by id, for whether another of that id would have to wait. */
class Uses {
  readonly #uses = new Map<string, Use>();

  add({ id, lane }: Entry): void {
    let use = this.#uses.get(id);
    if (use === undefined) {
      use = { reads: 0, writes: 0 };
      this.#uses.set(id, use);
    }
    if (lane.write) use.writes++;
    else use.reads++;
  }

  delete({ id, lane }: Entry): void {
    const use = this.#uses.get(id);
    if (use === undefined) return;
    if (lane.write) use.writes--;
    else use.reads--;
    if (use.reads + use.writes === 0) this.#uses.delete(id);
  }

  /** Reads wait for writes; writes wait for both. */
  blocks({ id, lane }: Entry): boolean {
    const use = this.#uses.get(id);
    return use !== undefined && (use.writes > 0 || (lane.write && use.reads > 0));
  }
}

/**
 * Gathers calls over an asynchronous driver. A call alone is sent at once; while its lane has its fill under way calls gather,
 * and go together when a batch comes back. There is no timer. Calls of an id keep their order over all lanes: a write waits for
 * what was called before it, a read for the writes before it, so that a read sees a write that nobody awaited.
 *
 * Conditional, streamed and transactional calls are not gathered: they go through `after`.
 */
export class AsyncCoalescer {
  #queue: Entry[] = [];
  #queued = new Uses();
  readonly #sent = new Uses();
  readonly #unfinished = new Set<Entry>();
  readonly #tasks = new Lane({
    run: async ([task], call) => [{ ok: true, value: await (task as unknown as Task)(call) }],
    write: true,
    maxBatch: 1,
    maxInFlight: Number.POSITIVE_INFINITY,
  });

  /** A kind of call that is gathered with its like. */
  lane<Op, Result>(options: LaneOptions<Op, Result>): Gathered<Op, Result> {
    const lane = new Lane(options as unknown as LaneOptions<never, unknown>);
    return (id, op, call) => this.#submit(lane, id, op, call) as Promise<Result>;
  }

  /**
   * Runs `task` behind what was called for the id, and before what comes later for it. `undefined`: behind the writes of every id
   * that were called before; what comes later does not wait for it.
   */
  after<T>(id: string | undefined, call: Call, task: (call: Call) => Promise<T>): Promise<T> {
    if (id !== undefined) return this.#submit(this.#tasks, id, task, call) as Promise<T>;
    const writes = [...this.#unfinished].filter(({ lane }) => lane.write).map(({ promise }) => promise);
    if (writes.length === 0) return task(call);
    const earlier = Promise.allSettled(writes);
    return raceCall(earlier, call).then(() => task(call));
  }

  #submit(lane: Lane, id: string, op: unknown, call: Call): Promise<unknown> {
    const entry = new Entry(lane, id, op, call);
    if (!entry.wanted(lane.write)) return entry.promise;
    this.#unfinished.add(entry);
    if (lane.inFlight < lane.maxInFlight && !this.#queued.blocks(entry) && !this.#sent.blocks(entry))
      this.#send(lane, [entry]);
    else {
      this.#queue.push(entry);
      this.#queued.add(entry);
      entry.watch(lane.write);
    }
    return entry.promise;
  }

  #send(lane: Lane, entries: readonly Entry[]): void {
    lane.inFlight++;
    for (const entry of entries) this.#sent.add(entry);
    void this.#finish(lane, entries);
  }

  async #finish(lane: Lane, entries: readonly Entry[]): Promise<void> {
    await lane.send(entries);
    // Whoever was answered calls again within this tick, and goes with the next batch rather than each alone.
    process.nextTick(() => this.#release(lane, entries));
  }

  #release(lane: Lane, entries: readonly Entry[]): void {
    lane.inFlight--;
    for (const entry of entries) {
      this.#sent.delete(entry);
      this.#unfinished.delete(entry);
    }
    if (this.#queue.length > 0) this.#sendReady();
  }

  /** Sends what waits for nothing any more, a batch a lane. */
  #sendReady(): void {
    const rest: Entry[] = [];
    const waiting = new Uses();
    const taken = new Uses();
    const batches = new Map<Lane, Entry[][]>();
    for (const entry of this.#queue) {
      const { lane } = entry;
      if (!entry.wanted(lane.write)) {
        this.#unfinished.delete(entry);
        continue;
      }
      const blocked = waiting.blocks(entry) || taken.blocks(entry) || this.#sent.blocks(entry);
      const batch = blocked ? undefined : openBatch(batches, lane);
      if (batch === undefined) {
        rest.push(entry);
        waiting.add(entry);
      } else {
        batch.push(entry);
        taken.add(entry);
      }
    }
    this.#queue = rest;
    this.#queued = waiting;
    for (const [lane, of] of batches) for (const batch of of) this.#send(lane, batch);
  }
}

/** The lane's batch that has room, or a new one if the lane may send another. */
function openBatch(batches: Map<Lane, Entry[][]>, lane: Lane): Entry[] | undefined {
  const made = batches.get(lane) ?? [];
  const last = made.at(-1);
  if (last !== undefined && last.length < lane.maxBatch) return last;
  if (lane.inFlight + made.length >= lane.maxInFlight) return undefined;
  const batch: Entry[] = [];
  batches.set(lane, [...made, batch]);
  return batch;
}
