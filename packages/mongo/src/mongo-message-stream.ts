import type { mongo } from 'mongoose';
import type { MessageDocument, MongoStore } from './mongo-store.ts';

const backoffMs = { first: 50, most: 5000 };

type Inserted = mongo.ChangeStreamInsertDocument<MessageDocument>;

export interface MessageStreamOptions {
  readonly onMessage: (message: MessageDocument) => void;
  /** Told when the stream begins anew, with messages lost in between: what is set from now on it will show. */
  readonly onGap: () => void;
}

/** The place in the stream is not kept any more, or is no place to go on from. */
function isLostPlace(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false;
  return [136, 222, 260, 280, 286].includes(Number(error.code));
}

/** The messages of a store as they are published, until `stop`. After a failure the stream goes on where it was. */
export class MessageStream {
  readonly #store: MongoStore;
  readonly #options: MessageStreamOptions;
  readonly #done: Promise<void>;
  #stream: mongo.ChangeStream<MessageDocument, Inserted> | undefined;
  #stopped = false;
  #wake: (() => void) | undefined;
  /** Why there is no stream at the moment. Missing: there is one, or soon. */
  failure: unknown;

  constructor(store: MongoStore, options: MessageStreamOptions) {
    this.#store = store;
    this.#options = options;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    await this.#close();
    await this.#done;
  }

  async #run(): Promise<void> {
    let place: mongo.ResumeToken;
    let backoff = backoffMs.first;
    while (!this.#stopped) {
      this.failure = undefined;
      this.#stream = this.#store.messages.watch<MessageDocument, Inserted>(
        [{ $match: { operationType: 'insert' } }],
        place === undefined ? {} : { resumeAfter: place },
      );
      try {
        for await (const change of this.#stream) {
          place = change._id;
          backoff = backoffMs.first;
          this.#options.onMessage(change.fullDocument);
        }
        // It ends by itself when the collection was dropped.
        if (!this.#stopped) this.#lose();
        place = undefined;
      } catch (error) {
        this.failure = error;
        if (isLostPlace(error) && !this.#stopped) {
          place = undefined;
          this.#lose();
        }
      }
      await this.#close();
      if (this.#stopped) return;
      await this.#pause(backoff);
      backoff = Math.min(backoffMs.most, backoff * 2);
    }
  }

  #lose(): void {
    this.#options.onGap();
  }

  async #close(): Promise<void> {
    // It may fail to close as it failed to go on; there is nothing more to be done with it.
    await this.#stream?.close().catch(() => undefined);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
