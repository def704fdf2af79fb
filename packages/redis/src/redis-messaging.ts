import { type Call, type MessageSink, type MessagingDriver, raceCall } from '@storage/backend-kit';
import type { Cluster, Redis } from 'ioredis';
import type { RedisConnection } from './redis-connection.ts';
import { translateRedis } from './redis-errors.ts';

/** Far below what the server holds back for a subscriber (`client-output-buffer-limit`, 32 MiB by default). */
const maxPayloadBytes = 8 * 1024 * 1024;
const firstPauseMs = 50;
const longestPauseMs = 2000;

/**
 * Publish and subscribe. Subscriptions have a connection of their own, made by the first of them and closed with the last. When
 * it is lost it is made anew, of a cluster to any node; every subscriber is told of the gap once its channel is heard again.
 */
export class RedisMessaging implements MessagingDriver {
  readonly maxPayloadBytes: number = maxPayloadBytes;
  readonly #connect: () => RedisConnection;
  readonly #prefix: string;
  readonly #sinks = new Map<string, Set<MessageSink>>();
  #listener: Promise<Redis> | undefined;
  #pause: NodeJS.Timeout | undefined;
  #attempts = 0;
  #closed = false;

  constructor(connect: () => RedisConnection, prefix: string) {
    this.#connect = connect;
    this.#prefix = prefix;
  }

  #name(channel: string): string {
    // Channels know nothing of databases.
    return `${this.#prefix}${this.#connect().db}:${channel}`;
  }

  async publish(channel: string, text: string): Promise<void> {
    const connection = this.#connect();
    const name = this.#name(channel);
    if (!connection.clustered) await connection.command('publish', [name, text]);
    else await connection.masterOf(name).publish(name, text);
  }

  async subscribe(channel: string, sink: MessageSink, call: Call): Promise<() => Promise<void>> {
    const name = this.#name(channel);
    const sinks = this.#sinks.get(name) ?? new Set();
    sinks.add(sink);
    this.#sinks.set(name, sinks);
    try {
      this.#listener ??= this.#listen();
      const listener = await raceCall(this.#listener, call);
      await raceCall(listener.subscribe(name), call);
    } catch (error) {
      await this.#leave(name, sink);
      throw error;
    }
    return () => this.#leave(name, sink);
  }

  /** No subscription outlives its backend. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#pause);
    this.#sinks.clear();
    this.#drop();
  }

  async #leave(name: string, sink: MessageSink): Promise<void> {
    const sinks = this.#sinks.get(name);
    sinks?.delete(sink);
    if (sinks === undefined || sinks.size > 0) return;
    this.#sinks.delete(name);
    if (this.#sinks.size === 0) {
      clearTimeout(this.#pause);
      this.#drop();
      return;
    }
    const listener = await this.#listener?.catch(() => undefined);
    // Another may have come for it meanwhile; and a connection that is lost hears nothing anyway.
    if (!this.#sinks.has(name)) await listener?.unsubscribe(name).catch(() => undefined);
  }

  #drop(): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.then((redis) => redis.disconnect()).catch(() => undefined);
  }

  /** A connection that hears every channel that is asked for. */
  async #listen(): Promise<Redis> {
    const redis = listenerOf(this.#connect());
    let trouble: Error | undefined;
    redis.on('error', (error) => {
      trouble = error;
    });
    redis.on('message', (channel, text) => {
      for (const sink of this.#sinks.get(channel) ?? []) sink.push(text);
    });
    try {
      await redis.connect();
      const names = [...this.#sinks.keys()];
      if (names.length > 0) await redis.subscribe(...names);
    } catch (error) {
      this.#listener = undefined;
      // To disconnect what has ended would hold the process for the driver's two seconds.
      if (redis.status !== 'end') redis.disconnect();
      throw translateRedis(trouble ?? error, { operation: 'messaging.subscribe', key: undefined, write: false });
    }
    redis.once('end', () => this.#lost());
    return redis;
  }

  #lost(): void {
    if (this.#listener === undefined || this.#closed || this.#sinks.size === 0) return;
    this.#listener = undefined;
    this.#listenAgain();
  }

  #listenAgain(): void {
    const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** this.#attempts++) * (0.5 + Math.random() / 2);
    this.#pause = setTimeout(() => {
      if (this.#closed || this.#sinks.size === 0) return;
      const listening = this.#listener ?? this.#listen();
      this.#listener = listening;
      listening.then(
        () => {
          this.#attempts = 0;
          for (const sinks of this.#sinks.values()) for (const sink of sinks) sink.reconnected();
        },
        () => this.#listenAgain(),
      );
    }, pause);
  }
}

/** A connection to the same server, or to one of the cluster's nodes: each hears what is published at any. */
function listenerOf({ client, clustered }: RedisConnection): Redis {
  const override = {
    lazyConnect: true,
    retryStrategy: null,
    autoResubscribe: false,
    enableOfflineQueue: true,
    maxRetriesPerRequest: 0,
    // A listener has nothing to send: a dead peer is noticed by these.
    keepAlive: 10_000,
  } as const;
  if (!clustered) return (client as Redis).duplicate(override);
  const nodes = (client as Cluster).nodes('all');
  const node = nodes[Math.floor(Math.random() * nodes.length)];
  if (node === undefined) throw new Error('Connection is closed.');
  return node.duplicate({ ...override, readOnly: false });
}
