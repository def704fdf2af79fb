import type { Gap, JsonValue, Message, Subscription } from '@storage/core';

export interface SubscriptionQueueOptions {
  readonly channel: string;
  /** How many items wait before the oldest are dropped. */
  readonly bufferSize: number;
  /** Ends the subscription, too. */
  readonly signal?: AbortSignal | undefined;
  /** Told once, when the subscription ends from whichever side. */
  readonly onClose?: (() => void | Promise<void>) | undefined;
}

type Item = Message | Gap;

interface Waiter {
  readonly resolve: (result: IteratorResult<Item, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const done: IteratorResult<Item, undefined> = { done: true, value: undefined };

/** What a driver hands messages to. */
export interface MessageSink {
  /** A message as JSON text; each subscriber parses its own copy. */
  push(text: string): void;
  /** The connection was lost and is back. */
  reconnected(): void;
  /** Ends the subscription with an error, behind what has arrived. */
  fail(error: unknown): void;
}

/** One subscriber's messages, bounded: where it reads too slowly the oldest are dropped and a gap stands in their place. */
export class SubscriptionQueue implements Subscription, MessageSink {
  readonly channel: string;
  readonly #bufferSize: number;
  readonly #onClose: (() => void | Promise<void>) | undefined;
  readonly #waiters: Waiter[] = [];
  #items: (string | Gap)[] = [];
  /** Where the unread items begin; those before are dropped together now and then. */
  #head = 0;
  #overflowed = false;
  #failure: { readonly error: unknown } | undefined;
  #closed: Promise<void> | undefined;
  #unlisten: (() => void) | undefined;

  constructor(options: SubscriptionQueueOptions) {
    const { signal } = options;
    this.channel = options.channel;
    this.#bufferSize = options.bufferSize;
    this.#onClose = options.onClose;
    if (signal === undefined) return;
    const onAbort = (): void => {
      // Whoever awaits close() hears of a failure; nobody awaits this one.
      this.close().catch(() => undefined);
    };
    if (signal.aborted) onAbort();
    else {
      signal.addEventListener('abort', onAbort, { once: true });
      this.#unlisten = () => signal.removeEventListener('abort', onAbort);
    }
  }

  push(text: string): void {
    this.#add(text);
  }

  reconnected(): void {
    this.#add({ type: 'gap', channel: this.channel, reason: 'reconnected' });
  }

  fail(error: unknown): void {
    if (this.#closed !== undefined) return;
    this.#failure ??= { error };
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  #add(item: string | Gap): void {
    if (this.#closed !== undefined || this.#failure !== undefined) return;
    this.#items.push(item);
    if (this.#items.length - this.#head > this.#bufferSize) {
      this.#head++;
      this.#overflowed = true;
      if (this.#head > this.#bufferSize) {
        this.#items = this.#items.slice(this.#head);
        this.#head = 0;
      }
    }
    const waiter = this.#waiters.shift();
    if (waiter === undefined) return;
    try {
      waiter.resolve(this.#take() ?? done);
    } catch (error) {
      waiter.reject(error);
    }
  }

  #take(): IteratorResult<Item, undefined> | undefined {
    if (this.#overflowed) {
      this.#overflowed = false;
      return { done: false, value: { type: 'gap', channel: this.channel, reason: 'overflow' } };
    }
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#head++;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    }
    if (typeof item !== 'string') return { done: false, value: item };
    return { done: false, value: { type: 'message', channel: this.channel, data: JSON.parse(item) as JsonValue } };
  }

  [Symbol.asyncIterator](): AsyncIterator<Item, undefined, undefined> {
    return {
      next: async () => {
        if (this.#closed !== undefined) return done;
        const item = this.#take();
        if (item !== undefined) return item;
        if (this.#failure !== undefined) throw this.#failure.error;
        return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
      },
      return: async () => {
        await this.close();
        return done;
      },
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    this.#unlisten?.();
    this.#items = [];
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(done);
    await this.#onClose?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
