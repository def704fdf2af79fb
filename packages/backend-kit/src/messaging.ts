import {
  assertKey,
  type CallOptions,
  encodeJson,
  invalidArgument,
  type JsonInput,
  type Messaging,
  StorageError,
  type SubscribeOptions,
  type Subscription,
} from '@storage/core';
import type { Call } from './call.ts';
import { type BackendContext, CallGuard } from './context.ts';
import type { MaybePromise } from './record-driver.ts';
import { type MessageSink, SubscriptionQueue } from './subscription-queue.ts';

const defaultBufferSize = 1000;
const maxBufferSize = 100_000;

/** What a backend implements for messaging; the facade (`createMessaging`) makes the contract of it. */
export interface MessagingDriver {
  /** The largest message, in bytes of its JSON text. */
  readonly maxPayloadBytes: number;
  /** `text` is JSON. */
  publish(channel: string, text: string, call: Call): MaybePromise<void>;
  /** Settles once the subscription is in force; answers what ends it. Messages go to the sink from then on. */
  subscribe(channel: string, sink: MessageSink, call: Call): MaybePromise<() => MaybePromise<void>>;
}

/** Messaging over a driver. The backend disposes of it when it closes: that ends every subscription. */
export class MessagingFacade implements Messaging, AsyncDisposable {
  readonly maxPayloadBytes: number;
  readonly #driver: MessagingDriver;
  readonly #guard: CallGuard;
  readonly #open = new Set<SubscriptionQueue>();

  constructor(driver: MessagingDriver, context: BackendContext) {
    this.#driver = driver;
    this.#guard = new CallGuard(context);
    this.maxPayloadBytes = driver.maxPayloadBytes;
  }

  publish(channel: string, message: JsonInput, options?: CallOptions): Promise<void> {
    return this.#guard.run('messaging.publish', undefined, true, options, () => {
      assertKey(channel);
      const text = encodeJson(message, 'message');
      const actual = Buffer.byteLength(text);
      if (actual > this.maxPayloadBytes) {
        throw new StorageError({
          code: 'too_large',
          message: `The message has ${actual} bytes of JSON; at most ${this.maxPayloadBytes} are allowed. Store it and publish its key.`,
          details: { limit: this.maxPayloadBytes, actual },
        });
      }
      return (call) => this.#driver.publish(channel, text, call);
    });
  }

  subscribe(channel: string, options?: SubscribeOptions): Promise<Subscription> {
    return this.#guard.run('messaging.subscribe', undefined, false, options, () => {
      assertKey(channel);
      const bufferSize = options?.bufferSize ?? defaultBufferSize;
      if (!Number.isInteger(bufferSize) || bufferSize < 1 || bufferSize > maxBufferSize) {
        throw invalidArgument(
          `bufferSize is ${String(bufferSize)}; it must be a whole number from 1 to ${maxBufferSize}.`,
          { path: 'bufferSize' },
        );
      }
      return (call) => this.#subscribe(channel, bufferSize, options?.signal, call);
    });
  }

  async #subscribe(
    channel: string,
    bufferSize: number,
    signal: AbortSignal | undefined,
    call: Call,
  ): Promise<Subscription> {
    let stop: (() => MaybePromise<void>) | undefined;
    const queue: SubscriptionQueue = new SubscriptionQueue({
      channel,
      bufferSize,
      signal,
      onClose: async () => {
        this.#open.delete(queue);
        await stop?.();
      },
    });
    stop = await this.#driver.subscribe(channel, queue, call);
    if (signal?.aborted) {
      await stop();
      call.check();
    }
    this.#open.add(queue);
    return queue;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#open].map((queue) => queue.close()));
  }
}

/** The messaging contract over a driver. */
export function createMessaging(driver: MessagingDriver, context: BackendContext): MessagingFacade {
  return new MessagingFacade(driver, context);
}
