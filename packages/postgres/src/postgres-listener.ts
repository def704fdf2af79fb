import { type Call, type MessageSink, raceCall, type Translate } from '@storage/backend-kit';
import type { ListenSettings } from './postgres-listen-options.ts';
import { ListenSession } from './postgres-listen-session.ts';

/** The pauses between attempts to connect again, in milliseconds. */
const firstPauseMs = 50;
const longestPauseMs = 5000;

export interface PostgresListenerOptions {
  readonly listen: ListenSettings;
  readonly translate: Translate;
}

interface Subscriber {
  readonly sink: MessageSink;
  /** The session that it last heard on; `undefined`: not in force yet. */
  session: ListenSession | undefined;
}

/** What health tells of it. */
export interface ListenerState {
  readonly subscriptions: number;
  readonly connection: 'none' | 'connected' | 'reconnecting';
}

/**
 * One connection that listens for all subscriptions of a backend: made by the first, closed after the last, made again when it
 * is lost, whereupon every subscription is told that it may have missed something.
 */
export class PostgresListener {
  readonly #options: PostgresListenerOptions;
  readonly #channels = new Map<string, Set<Subscriber>>();
  #session: ListenSession | undefined;
  #connected = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  constructor(options: PostgresListenerOptions) {
    this.#options = options;
  }

  get state(): ListenerState {
    let subscriptions = 0;
    for (const { size } of this.#channels.values()) subscriptions += size;
    return {
      subscriptions,
      connection: this.#connected ? 'connected' : subscriptions > 0 ? 'reconnecting' : 'none',
    };
  }

  /** Settles once the subscription is in force; answers what ends it. */
  async subscribe(name: string, sink: MessageSink, call: Call): Promise<() => Promise<void>> {
    const subscriber: Subscriber = { sink, session: undefined };
    const subscribers = this.#channels.get(name) ?? new Set();
    this.#channels.set(name, subscribers.add(subscriber));
    try {
      const session = this.#session ?? this.#connect();
      await raceCall(session.listen(name), call);
      subscriber.session ??= session;
    } catch (error) {
      await this.#leave(name, subscriber);
      throw error;
    }
    return () => this.#leave(name, subscriber);
  }

  async close(): Promise<void> {
    this.#channels.clear();
    await this.#end();
  }

  #connect(): ListenSession {
    clearTimeout(this.#timer);
    const session: ListenSession = new ListenSession({
      ...this.#options.listen,
      onMessage: (name, payload) => {
        for (const { sink } of this.#channels.get(name) ?? []) sink.push(payload);
      },
      onLost: (error) => this.#lost(session, error),
    });
    this.#session = session;
    // A failure comes by `onLost` too.
    this.#restore(session).catch(() => undefined);
    return session;
  }

  /** Listens again for everybody who did, and tells them of the gap before anything else. */
  async #restore(session: ListenSession): Promise<void> {
    await session.connected;
    const names = [...this.#channels].filter(([, subscribers]) => [...subscribers].some(inForce)).map(([name]) => name);
    await session.listen(...names);
    if (this.#session !== session) return;
    this.#connected = true;
    this.#failures = 0;
    for (const subscribers of this.#channels.values()) {
      for (const subscriber of subscribers) {
        if (subscriber.session === undefined || subscriber.session === session) continue;
        subscriber.session = session;
        subscriber.sink.reconnected();
      }
    }
    session.release();
  }

  #lost(session: ListenSession, error: unknown): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#connected = false;
    const waiting = [...this.#channels.values()].flatMap((subscribers) => [...subscribers]).filter(inForce);
    if (waiting.length === 0) return;
    const translated = this.#options.translate(error, {
      operation: 'messaging.subscribe',
      key: undefined,
      write: false,
    });
    if (!translated.retryable) {
      // Trying again would not help, and nobody else would tell.
      for (const { sink } of waiting) sink.fail(translated);
      return;
    }
    const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** this.#failures++);
    this.#timer = setTimeout(() => this.#connect(), pause * (0.5 + Math.random() / 2));
  }

  async #leave(name: string, subscriber: Subscriber): Promise<void> {
    const subscribers = this.#channels.get(name);
    if (!subscribers?.delete(subscriber) || subscribers.size > 0) return;
    this.#channels.delete(name);
    if (this.#channels.size === 0) await this.#end();
    else this.#session?.unlisten(name);
  }

  async #end(): Promise<void> {
    clearTimeout(this.#timer);
    const session = this.#session;
    this.#session = undefined;
    this.#connected = false;
    this.#failures = 0;
    await session?.end();
  }
}

function inForce(subscriber: Subscriber): boolean {
  return subscriber.session !== undefined;
}
