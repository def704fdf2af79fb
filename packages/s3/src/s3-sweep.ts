import { type Call, makeCall } from '@storage/backend-kit';
import { fanOut } from './fan-out.ts';
import type { S3Objects } from './s3-objects.ts';

const intervalMs = 60_000;
/** How many objects one sweep looks at: each costs a request. */
const objectsAtOnce = 100;
const limitMs = 30_000;

/**
 * Removes expired records behind writes that expire: never by a timer, a hundred objects a minute at most, going round the whole prefix.
 * Lists do not tell what is expired, so each object is asked.
 */
export class S3Sweep {
  readonly #objects: S3Objects;
  readonly #prefix: string;
  readonly #remove: (name: string, call: Call) => Promise<boolean>;
  #position = '';
  #next = 0;
  #running: Promise<void> | undefined;
  #trouble: unknown;

  /** `remove` looks at an object and removes it when it is expired. */
  constructor(objects: S3Objects, prefix: string, remove: (name: string, call: Call) => Promise<boolean>) {
    this.#objects = objects;
    this.#prefix = prefix;
    this.#remove = remove;
  }

  /** Why the last sweep failed. */
  get trouble(): unknown {
    return this.#trouble;
  }

  /** Told of every write that expires; sweeps now and then, while the caller goes on. */
  afterWrite(now: number): void {
    if (now < this.#next || this.#running !== undefined) return;
    this.#next = now + intervalMs;
    this.#running = this.#runAlone();
  }

  async #runAlone(): Promise<void> {
    const call = makeCall({ timeoutMs: limitMs });
    try {
      await this.run(call);
      this.#trouble = undefined;
    } catch (error) {
      // Nobody waits for a sweep: the next one tries again, and health tells of it.
      this.#trouble = error ?? new Error('The sweep failed.');
    } finally {
      call.end();
      this.#running = undefined;
    }
  }

  /** Looks at the next hundred objects; answers how many it removed. */
  async run(call: Call): Promise<number> {
    const { entries, more } = await this.#objects.list(this.#prefix, this.#position, objectsAtOnce, '', call);
    this.#position = more ? (entries.at(-1)?.name ?? '') : '';
    const removed = await fanOut(entries, call, ({ name }, inner) => this.#remove(name, inner));
    return removed.filter(Boolean).length;
  }

  /** Resolves when no sweep is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }
}
