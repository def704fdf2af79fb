import type { Call, RowPage } from '@storage/backend-kit';
import { compareCodePoints } from '@storage/core/filter';
import type { Redis } from 'ioredis';
import type { RedisConnection } from './redis-connection.ts';
import type { RedisLayout } from './redis-layout.ts';

/** A record's name and what it says. */
interface Found {
  readonly name: string;
  readonly ns: string;
  readonly key: string;
}

/** What a cache knows of its namespaces: found by looking through all keys of the database. */
export class RedisCacheScans {
  readonly #connection: RedisConnection;
  readonly #layout: RedisLayout;

  constructor(connection: RedisConnection, layout: RedisLayout) {
    this.#connection = connection;
    this.#layout = layout;
  }

  async count(ns: string, prefix: string, call: Call): Promise<number> {
    const keys = new Set<string>();
    for await (const { found } of this.#scan(ns, false, call))
      for (const { key } of found) if (key.startsWith(prefix)) keys.add(key);
    return keys.size;
  }

  async namespaces(
    ns: string,
    {
      recursive,
      after,
      limit,
    }: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
    call: Call,
  ): Promise<RowPage<string>> {
    const base = ns === '' ? '' : `${ns}/`;
    const names = new Set<string>();
    for await (const { found } of this.#scan(ns, true, call)) {
      for (const { ns: path } of found) {
        if (path === ns) continue;
        const relative = path.slice(base.length);
        names.add(recursive ? relative : (relative.split('/', 1)[0] ?? relative));
      }
    }
    const rows = [...names]
      .sort(compareCodePoints)
      .filter((path) => after === undefined || compareCodePoints(path, after) > 0);
    return { rows: rows.slice(0, limit), more: rows.length > limit };
  }

  /** SCAN meets every key that is there from its begin to its end. */
  async drop(ns: string, recursive: boolean, call: Call): Promise<number> {
    let deleted = 0;
    for await (const { node, found } of this.#scan(ns, recursive, call)) {
      const gone = await Promise.all(found.map(({ name }) => node.unlink(name)));
      deleted += gone.reduce((sum, count) => sum + count, 0);
    }
    return deleted;
  }

  async *#scan(
    ns: string,
    below: boolean,
    call: Call,
  ): AsyncGenerator<{ readonly node: Redis; readonly found: readonly Found[] }> {
    const pattern = this.#layout.pattern(ns, below);
    const within = (path: string): boolean => path === ns || (below && (ns === '' || path.startsWith(`${ns}/`)));
    for (const node of this.#connection.masters()) {
      let cursor = '0';
      do {
        call.check();
        const [next, names] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', 1000);
        cursor = next;
        const found = names.flatMap((name) => {
          const parsed = this.#layout.parse(name);
          return parsed !== undefined && within(parsed.ns) ? [{ name, ...parsed }] : [];
        });
        if (found.length > 0) yield { node, found };
      } while (cursor !== '0');
    }
  }
}
