import { type Call, type RowPage, unboundedCall } from '@storage/backend-kit';
import { compareCodePoints } from '@storage/core/filter';
import { type RedisEngine, stepRows } from './redis-engine.ts';
import type { RedisPages } from './redis-pages.ts';
import type { RedisWrites } from './redis-writes.ts';

interface NamespaceRequest {
  readonly recursive: boolean;
  readonly after: string | undefined;
  readonly limit: number;
}

/** How many namespaces are looked at whenever one is registered: more than one, so that the registry shrinks. */
const prunedAtOnce = 2;

/** Namespaces: which hold something, and how they are emptied. */
export class RedisNamespaces {
  readonly #engine: RedisEngine;
  readonly #pages: RedisPages;
  #pruning = false;

  constructor(engine: RedisEngine, pages: RedisPages) {
    this.#engine = engine;
    this.#pages = pages;
  }

  async list(ns: string, { recursive, after, limit }: NamespaceRequest, call: Call): Promise<RowPage<string>> {
    const base = ns === '' ? '' : `${ns}/`;
    const { registry } = this.#engine;
    const rows: string[] = [];
    if (recursive) {
      for await (const paths of registry.paths(base, after ?? '')) {
        for (const path of paths) {
          if (!(await this.#pages.holds(path, call))) continue;
          if (rows.length === limit) return { rows, more: true };
          rows.push(path.slice(base.length));
        }
      }
      return { rows, more: false };
    }
    // In order of the paths 'b!' stands between 'b' and 'b/c', so that a child may be met late, or twice.
    const children = new Map<string, string[]>();
    for await (const paths of registry.paths(base, '')) {
      for (const path of paths) {
        const name = path.slice(base.length).split('/', 1)[0] ?? '';
        if (after !== undefined && compareCodePoints(name, after) <= 0) continue;
        const below = children.get(name);
        if (below === undefined) children.set(name, [path]);
        else below.push(path);
      }
    }
    for (const name of [...children.keys()].sort(compareCodePoints)) {
      if (!(await this.#anyHolds(children.get(name) ?? [], call))) continue;
      if (rows.length === limit) return { rows, more: true };
      rows.push(name);
    }
    return { rows, more: false };
  }

  async #anyHolds(paths: readonly string[], call: Call): Promise<boolean> {
    for (const path of paths) if (await this.#pages.holds(path, call)) return true;
    return false;
  }

  async drop(ns: string, recursive: boolean, writes: RedisWrites, call: Call): Promise<number> {
    let deleted = await this.clear(ns, writes, call);
    if (!recursive) return deleted;
    const base = ns === '' ? '' : `${ns}/`;
    for await (const paths of this.#engine.registry.paths(base, ''))
      for (const path of paths) deleted += await this.clear(path, writes, call);
    return deleted;
  }

  /** Removes what is in a namespace now, some at a time. */
  async clear(ns: string, writes: RedisWrites, call: Call): Promise<number> {
    let deleted = 0;
    for (const bucket of this.#engine.layout.of(ns)) {
      for await (const keys of this.#pages.walk(bucket, call)) {
        for (let start = 0; start < keys.length; start += stepRows) {
          call.check();
          const some = keys.slice(start, start + stepRows);
          const outcomes = await writes.remove(some.map((key) => ({ ns, key, etag: undefined })));
          for (const outcome of outcomes) {
            if (!outcome.ok) throw outcome.error;
            if (outcome.value) deleted++;
          }
        }
      }
    }
    return deleted;
  }

  /** Forgets namespaces that have been empty for long. Nobody waits for it, and what fails is tried the next time. */
  prune(): void {
    if (this.#pruning) return;
    this.#pruning = true;
    this.#prune()
      .catch(() => undefined)
      .finally(() => {
        this.#pruning = false;
      });
  }

  async #prune(): Promise<void> {
    const { registry } = this.#engine;
    for (const seen of await registry.stale(prunedAtOnce)) {
      if (await this.#pages.holds(seen.path, unboundedCall)) await registry.keep(seen.path);
      else await registry.forget(seen);
    }
  }
}
