import { stagingMs, streamGraceMs } from '@storage/backend-kit';
import type { FileDocument, MongoStore } from './mongo-store.ts';
import { removeFiles } from './mongo-streams.ts';

const intervalMs = 10_000;
/** How many files one sweep looks at. */
const filesAtOnce = 100;

/**
 * Removes files that no record names any more, behind writes and never by a timer. Expired records are removed by the server's own
 * index, which tells nobody, so files are looked over in turn.
 */
export class MongoSweep {
  readonly #store: MongoStore;
  #next = 0;
  #position = '';
  #running: Promise<void> | undefined;
  /** Why the last one failed. Missing: it did not. */
  trouble: unknown;

  constructor(store: MongoStore) {
    this.#store = store;
  }

  /** Told of writes; sweeps now and then. Nobody waits for it: a failure is for health to tell, and the next one tries again. */
  afterWrite(): void {
    const now = this.#store.now();
    if (now < this.#next || this.#running !== undefined) return;
    this.#next = now + intervalMs;
    this.#running = this.sweep()
      .then(
        () => {
          this.trouble = undefined;
        },
        (error: unknown) => {
          this.trouble = error;
        },
      )
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Looks at the files that come next, and removes those that may go. */
  async sweep(): Promise<void> {
    const { files, now } = this.#store;
    const found = await files
      .find({ _id: { $gt: this.#position } })
      .sort({ _id: 1 })
      .limit(filesAtOnce)
      .toArray();
    this.#position = found.length < filesAtOnce ? '' : (found.at(-1)?._id ?? '');
    const present = now();
    const before = (time: Date | undefined, graceMs: number): boolean =>
      time !== undefined && time.getTime() < present - graceMs;
    const unnamed = await this.#unnamed(found.filter(({ metadata }) => metadata.writing === undefined));
    const retired = unnamed.filter(({ metadata }) => metadata.retired === undefined).map(({ _id }) => _id);
    if (retired.length > 0) {
      await files.updateMany({ _id: { $in: retired } }, { $set: { 'metadata.retired': new Date(present) } });
    }
    const removable = [
      ...unnamed.filter(({ metadata }) => before(metadata.retired, streamGraceMs)),
      ...found.filter(({ metadata }) => before(metadata.writing, stagingMs)),
    ];
    if (removable.length > 0)
      await removeFiles(
        this.#store,
        removable.map(({ _id }) => _id),
      );
  }

  async #unnamed(files: readonly FileDocument[]): Promise<readonly FileDocument[]> {
    if (files.length === 0) return [];
    const ids = files.map(({ metadata }) => metadata.record);
    const found = await this.#store.records.find({ _id: { $in: ids } }, { projection: { file: 1 } }).toArray();
    const named = new Set(found.map(({ file }) => file));
    return files.filter(({ _id }) => !named.has(_id));
  }

  async stop(): Promise<void> {
    this.#next = Number.POSITIVE_INFINITY;
    await this.#running;
  }
}
