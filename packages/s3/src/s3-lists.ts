import { type Call, type KeyFilter, type RowPage, SafeKeyLayout } from '@storage/backend-kit';
import { maxKeyBytes, utf8Length } from '@storage/core';
import { compareCodePoints } from '@storage/core/filter';
import { fanOut } from './fan-out.ts';
import { childSegment, type S3Names } from './s3-names.ts';
import type { S3Entry, S3Objects } from './s3-objects.ts';

/** The most that one request lists. */
const listLimit = 1000;

/** A key as a list shows it. */
export interface ListedKey extends S3Entry {
  readonly key: string;
}

/** Keys and namespaces, as far as lists alone tell of them. */
export class S3Lists {
  readonly #objects: S3Objects;
  readonly #names: S3Names;

  constructor(objects: S3Objects, names: S3Names) {
    this.#objects = objects;
    this.#names = names;
  }

  /** Keys behind `after`, at most `limit`, in the order of the layout. */
  async keys(
    ns: string,
    prefix: string,
    after: string | undefined,
    filter: KeyFilter | undefined,
    limit: number,
    call: Call,
  ): Promise<RowPage<ListedKey>> {
    if (utf8Length(prefix) > maxKeyBytes) return { rows: [], more: false };
    const names = this.#names;
    const folder = names.folder(ns);
    const start = names.start(ns, prefix, after);
    const children = `${folder}-`;
    const rows: ListedKey[] = [];
    for (let startAfter = start.startAfter; ; ) {
      const ask = filter === undefined ? Math.min(listLimit, limit - rows.length) : listLimit;
      const { entries, more } = await this.#objects.list(start.prefix, startAfter, ask, '', call);
      let skipped = false;
      for (const [index, entry] of entries.entries()) {
        startAfter = entry.name;
        if (entry.name.startsWith(children)) {
          // Those of the namespaces below are jumped over, not listed.
          skipped = true;
          continue;
        }
        const key = names.key(folder, entry.name);
        if (key === undefined) continue;
        if (names.beyond(key, prefix)) return { rows, more: false };
        if (!key.startsWith(prefix) || (filter !== undefined && !filter(key))) continue;
        rows.push({ ...entry, key });
        if (rows.length === limit) return { rows, more: more || index < entries.length - 1 };
      }
      if (!more) return { rows, more: false };
      if (skipped && startAfter.startsWith(children)) startAfter = folder + SafeKeyLayout.behindNamespaces;
      call.check();
    }
  }

  /** All keys, a page at a time. */
  async *pages(
    ns: string,
    prefix: string,
    filter: KeyFilter | undefined,
    call: Call,
  ): AsyncGenerator<readonly ListedKey[], void, undefined> {
    for (let after: string | undefined, more = true; more; ) {
      const page = await this.keys(ns, prefix, after, filter, listLimit, call);
      if (page.rows.length > 0) yield page.rows;
      after = page.rows.at(-1)?.key;
      more = page.more;
    }
  }

  /** The names of all objects that begin so, a page at a time. */
  async *names(prefix: string, call: Call): AsyncGenerator<readonly string[], void, undefined> {
    for (let startAfter = '', more = true; more; ) {
      call.check();
      const page = await this.#objects.list(prefix, startAfter, listLimit, '', call);
      yield page.entries.map(({ name }) => name);
      startAfter = page.entries.at(-1)?.name ?? '';
      more = page.more && startAfter !== '';
    }
  }

  /** Escaped names of the folders of namespaces right below this one. In order. */
  async #children(ns: string, call: Call): Promise<readonly string[]> {
    const folder = this.#names.folder(ns);
    const found: string[] = [];
    for (let startAfter = '', more = true; more; ) {
      call.check();
      const page = await this.#objects.list(`${folder}-`, startAfter, listLimit, '/', call);
      for (const child of page.folders) {
        const segment = childSegment(child.slice(folder.length));
        if (segment !== undefined) found.push(segment);
      }
      // Behind everything in the last folder: a zero comes right after a slash.
      const last = [...page.folders, ...page.entries.map(({ name }) => name)].sort().at(-1);
      more = page.more && last !== undefined;
      if (last !== undefined) startAfter = last.endsWith('/') ? `${last.slice(0, -1)}0` : last;
    }
    return found.sort(compareCodePoints);
  }

  /** Paths below this one, relative to it, that hold a record of their own. */
  async #descendants(ns: string, call: Call): Promise<readonly string[]> {
    const found: string[] = [];
    const visit = async (path: string, relative: string): Promise<void> => {
      for (const segment of await this.#children(path, call)) {
        const child = joinPath(path, segment);
        const name = joinPath(relative, segment);
        const { rows } = await this.keys(child, '', undefined, undefined, 1, call);
        if (rows.length > 0) found.push(name);
        await visit(child, name);
      }
    };
    await visit(ns, '');
    return found.sort(compareCodePoints);
  }

  /** A page of the namespaces below this one: their escaped names, or with `recursive` their paths. */
  async namespaces(
    ns: string,
    recursive: boolean,
    after: string | undefined,
    limit: number,
    call: Call,
  ): Promise<RowPage<string>> {
    const found = await (recursive ? this.#descendants(ns, call) : this.#children(ns, call));
    const left = after === undefined ? found : found.filter((path) => compareCodePoints(path, after) > 0);
    if (recursive) return { rows: left.slice(0, limit), more: left.length > limit };
    const rows: string[] = [];
    for (let at = 0; at < left.length; at += limit) {
      const group = left.slice(at, at + limit);
      const used = await fanOut(group, call, (segment, inner) => this.#isUsed(joinPath(ns, segment), inner));
      for (const [index, segment] of group.entries()) {
        if (used[index] !== true) continue;
        if (rows.length === limit) return { rows, more: true };
        rows.push(segment);
      }
    }
    return { rows, more: false };
  }

  /** Some servers go on to list the folder of objects that are gone. */
  async #isUsed(ns: string, call: Call): Promise<boolean> {
    const { entries } = await this.#objects.list(this.#names.folder(ns), '', 1, '', call);
    return entries.length > 0;
  }
}

function joinPath(ns: string, segment: string): string {
  return ns === '' ? segment : `${ns}/${segment}`;
}
