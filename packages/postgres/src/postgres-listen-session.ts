import { Socket } from 'node:net';
import { StorageError } from '@storage/core';
import type { Client } from 'pg';
import type { ListenSettings } from './postgres-listen-options.ts';

/** How long a goodbye may take before the socket is closed without one, in milliseconds. */
const goodbyeMs = 1000;

export interface ListenSessionOptions extends ListenSettings {
  readonly onMessage: (channel: string, payload: string) => void;
  /** Told once, when the connection is gone or could not be made; not after `end`. */
  readonly onLost: (error: unknown) => void;
}

function pooled(): StorageError {
  return new StorageError({
    code: 'invalid_state',
    message:
      'A pooler answers instead of the server, and messages need a session of their own; give settings that reach the server itself in `listen.url`.',
  });
}

function gone(): StorageError {
  return new StorageError({ code: 'unavailable', message: 'The listening connection was closed.' });
}

function silent(): StorageError {
  return new StorageError({ code: 'unavailable', message: 'PostgreSQL did not answer on the listening connection.' });
}

/** One listening connection, from its making to its end. */
export class ListenSession {
  readonly #options: ListenSessionOptions;
  #client: Client | undefined;
  readonly #socket: Socket = new Socket();
  readonly #listening = new Map<string, Promise<void>>();
  /** What arrives before `release`. */
  #held: (readonly [channel: string, payload: string])[] | undefined = [];
  /** Settles with the last statement, however it ends. */
  #last: Promise<unknown> = Promise.resolve();
  #pid: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;
  /** Settles once the server answers. */
  readonly connected: Promise<void>;

  constructor(options: ListenSessionOptions) {
    this.#options = options;
    this.connected = this.#connect();
    // Whoever waits for it hears of a failure, and `onLost` tells the listener.
    this.connected.catch(() => undefined);
  }

  async #connect(): Promise<void> {
    try {
      const client = await this.#make();
      if (this.#over) throw gone();
      await client.connect();
      this.#pid = await this.#backendPid();
      // What a pooler tells its clients for cancelling is not the id of a process of the server.
      const { processID } = client as unknown as { readonly processID: number | null };
      if (!this.#options.direct && processID !== this.#pid) throw pooled();
      this.#scheduleHeartbeat();
    } catch (error) {
      this.#lose(error);
      throw error;
    }
  }

  async #make(): Promise<Client> {
    const { client: config, heartbeatMs, onMessage } = this.#options;
    const driver = await import('pg');
    const client = new driver.Client({
      ...config,
      // A member that a pool hides from enumeration.
      password: config.password,
      stream: () => this.#socket,
      keepAlive: true,
      connectionTimeoutMillis: config.connectionTimeoutMillis || heartbeatMs,
      query_timeout: heartbeatMs,
    });
    this.#client = client;
    client.on('notification', ({ channel, payload = '' }) => {
      if (this.#held === undefined) onMessage(channel, payload);
      else this.#held.push([channel, payload]);
    });
    client.on('error', (error) => this.#lose(error));
    client.on('end', () => this.#lose(gone()));
    return client;
  }

  async #backendPid(): Promise<number> {
    const rows = await this.#run('SELECT pg_catalog.pg_backend_pid() AS pid');
    return Number(rows[0]?.['pid']);
  }

  /** One statement after another. */
  #run(text: string): Promise<readonly { readonly [column: string]: unknown }[]> {
    const running = this.#last.then(() => this.#query(text));
    this.#last = running.catch(() => undefined);
    return running;
  }

  async #query(text: string): Promise<readonly { readonly [column: string]: unknown }[]> {
    if (this.#client === undefined) throw gone();
    try {
      return (await this.#client.query(text)).rows;
    } catch (error) {
      // The driver has no code for it.
      throw (error as { readonly message?: unknown }).message === 'Query read timeout' ? silent() : error;
    }
  }

  /** A connection whose peer is gone without a word is found by asking. It holds no process open: the socket does. */
  #scheduleHeartbeat(): void {
    if (this.#over) return;
    this.#timer = setTimeout(() => {
      this.#backendPid().then(
        (pid) => {
          if (pid === this.#pid) this.#scheduleHeartbeat();
          else this.#lose(pooled());
        },
        (error: unknown) => this.#lose(error),
      );
    }, this.#options.heartbeatMs).unref();
  }

  /** Resolves once what is sent on the channels is heard. Names are plain identifiers. */
  listen(...names: readonly string[]): Promise<void> {
    const missing = names.filter((name) => !this.#listening.has(name));
    if (missing.length > 0) {
      const listening = this.#listen(missing);
      listening.catch((error: unknown) => this.#lose(error));
      for (const name of missing) this.#listening.set(name, listening);
    }
    return Promise.all(names.flatMap((name) => this.#listening.get(name) ?? [])).then(() => undefined);
  }

  async #listen(names: readonly string[]): Promise<void> {
    await this.connected;
    // Who has left meanwhile needs nothing.
    const wanted = names.filter((name) => this.#listening.has(name));
    await this.#run(wanted.map((name) => `LISTEN "${name}"`).join(';'));
  }

  unlisten(name: string): void {
    if (!this.#listening.delete(name) || this.#over || this.#pid === undefined) return;
    this.#run(`UNLISTEN "${name}"`).catch((error: unknown) => this.#lose(error));
  }

  /** Hands over what has arrived so far, and the rest as it comes. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const [channel, payload] of held) this.#options.onMessage(channel, payload);
  }

  #lose(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#socket.destroy();
    this.#options.onLost(error);
  }

  /** Closes the connection, whatever state it is in. */
  async end(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    if (this.#pid === undefined) {
      // The driver's own goodbye would leave whoever waits for the connection waiting.
      this.#socket.destroy();
      return await this.connected.catch(() => undefined);
    }
    const force = setTimeout(() => this.#socket.destroy(), goodbyeMs);
    try {
      await this.#client?.end();
    } finally {
      clearTimeout(force);
    }
  }
}
