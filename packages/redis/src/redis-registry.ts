import type { RedisConnection } from './redis-connection.ts';
import type { RedisLayout } from './redis-layout.ts';
import { run, scripts } from './redis-scripts.ts';

/** How long a process trusts that a namespace it has written to is registered. */
const trustMs = 60_000;
/** How long nobody has written to a namespace before it may be forgotten: far beyond what any write lasts behind its registration. */
const forgetAfterMs = 10 * 60_000;

/** A namespace and when it was last registered, as the server tells it. */
export interface SeenNamespace {
  readonly path: string;
  readonly at: string;
}

/**
 * Which namespaces there may be. A namespace is registered before a record is written, again every minute in which a process
 * writes to it. It is forgotten when it is empty, nobody has registered it for ten minutes, and nobody does meanwhile: so a record
 * that is there is always in a namespace that is registered.
 */
export class RedisRegistry {
  readonly #connection: RedisConnection;
  readonly #layout: RedisLayout;
  readonly #announced = new Map<string, number>();
  readonly #forgetAfterMs: number;
  /** Told whenever a namespace was registered: the moment to look after old ones. */
  onAnnounce: (() => void) | undefined;

  constructor(connection: RedisConnection, layout: RedisLayout, afterMs: number = forgetAfterMs) {
    this.#connection = connection;
    this.#layout = layout;
    this.#forgetAfterMs = afterMs;
  }

  get #keys(): readonly [string, string] {
    return [this.#layout.names, this.#layout.seen];
  }

  /** Missing: it was registered lately, or is the root. */
  announce(ns: string): Promise<void> | undefined {
    if (ns === '') return undefined;
    const at = this.#announced.get(ns);
    const now = performance.now();
    if (at !== undefined && now - at < trustMs) return undefined;
    return this.#register(ns, now);
  }

  async #register(ns: string, now: number): Promise<void> {
    await run(this.#connection, scripts.register, this.#keys, [ns]);
    if (this.#announced.size >= 10_000) this.#announced.clear();
    this.#announced.set(ns, now);
    this.onAnnounce?.();
  }

  /** The registered paths that begin with `base` and stand behind `after`, some at a time. */
  async *paths(base: string, after: string): AsyncGenerator<readonly string[]> {
    const end = base === '' ? '+' : Buffer.concat([Buffer.from(`(${base}`), Buffer.of(0xff)]);
    let start = after === '' && base === '' ? '-' : `(${base}${after}`;
    for (;;) {
      const found = (await this.#connection.command('zrangebylex', [
        this.#layout.names,
        start,
        end,
        'LIMIT',
        0,
        500,
      ])) as string[];
      if (found.length > 0) yield found;
      if (found.length < 500) return;
      start = `(${found.at(-1)}`;
    }
  }

  /** Namespaces that nobody has written to lately. */
  async stale(limit: number): Promise<readonly SeenNamespace[]> {
    const found = (await run(
      this.#connection,
      scripts.stale,
      [this.#layout.seen],
      [this.#forgetAfterMs, limit],
    )) as string[];
    return found.flatMap((path, index) => (index % 2 === 0 ? [{ path, at: found[index + 1] ?? '' }] : []));
  }

  /** Forgets a namespace that was empty when it was looked at, unless it was registered since. */
  async forget({ path, at }: SeenNamespace): Promise<void> {
    await run(this.#connection, scripts.forget, this.#keys, [path, at]);
  }

  /** A namespace that is still in use goes to the end of the line. */
  async keep(path: string): Promise<void> {
    await run(this.#connection, scripts.register, this.#keys, [path]);
  }
}
