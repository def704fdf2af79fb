import { createHash } from 'node:crypto';
import { AsyncCoalescer, type Call, type Gathered, type MessageSink, type MessagingDriver } from '@storage/backend-kit';
import type { Statement } from '@storage/sql/pg';
import { type ListenerState, PostgresListener, type PostgresListenerOptions } from './postgres-listener.ts';

/** The most bytes that NOTIFY carries. */
const notifyLimit = 7999;
/** PostgreSQL sends what is equal in one transaction once; a number in front keeps messages apart. */
const envelopeBytes = 11;

const publishText = 'SELECT pg_catalog.pg_notify(c, p) FROM unnest($1::text[], $2::text[]) AS m (c, p)';

export interface PostgresMessagingOptions extends PostgresListenerOptions {
  /** Tells stores of one database apart. */
  readonly schema: string;
  /** Runs a statement on any connection; what it throws is a `StorageError`. */
  readonly query: (statement: Statement, call: Call) => Promise<unknown>;
}

/** One NOTIFY. */
interface Notice {
  readonly channel: string;
  readonly payload: string;
}

/**
 * Messages by NOTIFY, on the connections that everything else uses, and LISTEN, on one of its own. What is published while a
 * batch is under way goes together, in order: a pool alone would keep none.
 */
export class PostgresMessaging implements MessagingDriver {
  readonly maxPayloadBytes: number = notifyLimit - envelopeBytes;
  readonly #listener: PostgresListener;
  readonly #schema: string;
  readonly #send: Gathered<Notice, void>;
  #published = 0;

  constructor(options: PostgresMessagingOptions) {
    this.#schema = options.schema;
    this.#listener = new PostgresListener(options);
    this.#send = new AsyncCoalescer().lane<Notice, void>({
      write: true,
      maxBatch: 200,
      run: async (batch, call) => {
        const values = [batch.map(({ channel }) => channel), batch.map(({ payload }) => payload)];
        await options.query({ name: 'storage_publish', text: publishText, values }, call);
        return batch.map(() => ({ ok: true, value: undefined }));
      },
    });
  }

  publish(channel: string, text: string, call: Call): Promise<void> {
    // A batch is sorted by its ids, so they count up.
    const id = (this.#published++).toString(36).padStart(envelopeBytes, '0');
    return this.#send(id, { channel: this.#nativeName(channel), payload: id + text }, call);
  }

  subscribe(channel: string, sink: MessageSink, call: Call): Promise<() => Promise<void>> {
    return this.#listener.subscribe(
      this.#nativeName(channel),
      {
        push: (payload) => sink.push(payload.slice(envelopeBytes)),
        reconnected: () => sink.reconnected(),
        fail: (error) => sink.fail(error),
      },
      call,
    );
  }

  get state(): ListenerState {
    return this.#listener.state;
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  /** Channels of PostgreSQL have 63 bytes and are shared by all schemas of a database: a hash of both has room. */
  #nativeName(channel: string): string {
    return `storage_${createHash('sha256').update(`${this.#schema}\0${channel}`).digest('base64url')}`;
  }
}
