import {
  AsyncCoalescer,
  type Call,
  type Gathered,
  type MessageSink,
  type MessagingDriver,
  type RowOutcome,
  raceCall,
  unboundedCall,
} from '@storage/backend-kit';
import { randomToken } from '@storage/core';
import { isDuplicate, translateFor } from './mongo-errors.ts';
import { MessageStream } from './mongo-message-stream.ts';
import type { MessageDocument, MongoStore } from './mongo-store.ts';

/** The channel of marks, which no message can have. */
const markChannel = '';
/** How long a mark is waited for until another is set, in milliseconds. */
const markMs = 200;

interface Publication {
  readonly id: string;
  readonly channel: string;
  readonly text: string;
}

/**
 * Messages as documents, heard by one change stream for all subscriptions of a backend, from the first to the last. A subscription
 * begins where a mark of its own stands in the stream, so that it hears what is published from then on and nothing from before.
 */
export class MongoMessaging implements MessagingDriver {
  readonly maxPayloadBytes: number = 1024 * 1024;
  #store!: MongoStore;
  #published = 0;
  #stream: MessageStream | undefined;
  #subscriptions = 0;
  readonly #channels = new Map<string, Set<MessageSink>>();
  /** What is done where a mark stands. */
  readonly #marks = new Map<string, () => void>();
  readonly #publications: Gathered<Publication, void>;

  constructor() {
    // One batch at a time: what one publisher sends comes in its order.
    this.#publications = new AsyncCoalescer().lane({ write: true, run: (batch) => this.#insert(batch) });
  }

  /** Gives it a store to work on: no call comes before. */
  attach(store: MongoStore): void {
    this.#store = store;
  }

  publish(channel: string, text: string, call: Call): Promise<void> {
    // Batches are sorted by these.
    const order = String(this.#published++).padStart(16, '0');
    return this.#publications(order, { id: randomToken(), channel, text }, call);
  }

  async #insert(batch: readonly Publication[]): Promise<readonly RowOutcome<void>[]> {
    const { messages, now } = this.#store;
    const at = new Date(now());
    const documents = batch.map(({ id, channel, text }): MessageDocument => ({ _id: id, channel, text, at }));
    try {
      await messages.insertMany(documents);
    } catch (error) {
      // One that was sent already, with a batch that was refused for another of its members.
      if (!(batch.length === 1 && isDuplicate(error))) {
        throw translateFor(this.#store)(error, { operation: 'messaging.publish', key: undefined, write: true });
      }
    }
    return batch.map(() => ({ ok: true, value: undefined }));
  }

  async subscribe(channel: string, sink: MessageSink, call: Call): Promise<() => Promise<void>> {
    this.#subscriptions++;
    this.#stream ??= new MessageStream(this.#store, {
      onMessage: (message) => this.#hear(message),
      onGap: () => this.#lose(),
    });
    try {
      await this.#mark(call, () => {
        this.#channels.set(channel, (this.#channels.get(channel) ?? new Set()).add(sink));
      });
    } catch (error) {
      await this.#leave(channel, sink);
      throw error;
    }
    return () => this.#leave(channel, sink);
  }

  async #leave(channel: string, sink: MessageSink): Promise<void> {
    const sinks = this.#channels.get(channel);
    sinks?.delete(sink);
    if (sinks?.size === 0) this.#channels.delete(channel);
    this.#subscriptions--;
    if (this.#subscriptions > 0) return;
    const stream = this.#stream;
    this.#stream = undefined;
    await stream?.stop();
  }

  /** Runs `task` where a mark stands in the stream; sets marks until one was seen, for the stream may not be there yet. */
  async #mark(call: Call, task: () => void): Promise<void> {
    const id = randomToken();
    let timer: NodeJS.Timeout | undefined;
    let seen = false;
    let wake: (() => void) | undefined;
    this.#marks.set(id, () => {
      seen = true;
      this.#marks.delete(id);
      task();
      wake?.();
    });
    try {
      while (!seen) {
        const { messages, now } = this.#store;
        const mark = { _id: randomToken(), channel: markChannel, text: id, at: new Date(now()) };
        await raceCall(messages.insertOne(mark), call);
        const waited = new Promise<void>((resolve) => {
          wake = resolve;
          timer = setTimeout(resolve, markMs);
        });
        if (!seen) await raceCall(waited, call);
        clearTimeout(timer);
        if (!seen && this.#stream?.failure !== undefined) throw this.#stream.failure;
      }
    } finally {
      clearTimeout(timer);
      this.#marks.delete(id);
    }
  }

  #hear({ channel, text }: MessageDocument): void {
    if (channel === markChannel) this.#marks.get(text)?.();
    else for (const sink of this.#channels.get(channel) ?? []) sink.push(text);
  }

  /** Whoever subscribes now has not been told yet from where on, and misses nothing. */
  #lose(): void {
    const tell = (): void => {
      for (const sinks of this.#channels.values()) for (const sink of sinks) sink.reconnected();
    };
    // Told once the stream is there again: what is published from then on is heard. Where no mark can be set the stream fails, too.
    this.#mark(unboundedCall, tell).catch(() => undefined);
  }
}
