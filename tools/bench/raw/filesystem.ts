// What a careful user writes with node:fs by hand: a file a record, pretty JSON, written to a temporary file that is renamed, the etag and
// the time from the file's own stat; where a record has metadata, a second file beside it, written the same way. Batches are the
// single calls, 64 at once; pages and filters read the folder.
import type { BigIntStats } from 'node:fs';
import { mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** A record as both sides answer it. */
interface RawRecord {
  readonly key: string;
  readonly kind: 'json';
  readonly etag: string;
  readonly updatedAt: Date;
  readonly size: number;
  readonly contentType: string;
  readonly metadata: unknown;
  readonly data: unknown;
}

interface RawPage {
  readonly items: readonly RawRecord[];
}

export interface RawFilesystem {
  get(key: string): Promise<RawRecord | undefined>;
  getMany(keys: readonly string[]): Promise<readonly (RawRecord | undefined)[]>;
  set(key: string, data: unknown): Promise<Omit<RawRecord, 'data'>>;
  setMany(items: readonly { readonly key: string; readonly data: unknown }[]): Promise<unknown>;
  delete(key: string): Promise<boolean>;
  /** 100 records behind a key. */
  page(after: string): Promise<RawPage>;
  /** All records whose field has the value, by key. */
  filter(value: string): Promise<RawPage>;
  /** With a second file for the metadata. */
  getDescribed(key: string): Promise<RawRecord | undefined>;
  setDescribed(key: string, data: unknown, metadata: unknown): Promise<Omit<RawRecord, 'data'>>;
}

const pageSize = 100;
const atOnce = 64;

function isMissing(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT';
}

async function inParts<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += atOnce)
    results.push(...(await Promise.all(items.slice(from, from + atOnce).map(work))));
  return results;
}

/** Records in a folder, by hand. `field` is a member of the data that is filtered. */
export async function openRawFilesystem(folder: string, field: string): Promise<RawFilesystem> {
  const records = join(folder, 'records');
  const described = join(folder, 'metadata');
  const temporary = join(folder, 'temporary');
  for (const path of [records, described, temporary]) await mkdir(path, { recursive: true });
  let made = 0;

  async function read(path: string): Promise<{ readonly stats: BigIntStats; readonly text: string } | undefined> {
    try {
      const file = await open(path);
      try {
        return { stats: await file.stat({ bigint: true }), text: await file.readFile('utf8') };
      } finally {
        await file.close();
      }
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async function write(path: string, text: string): Promise<BigIntStats> {
    const staged = join(temporary, `${process.pid}-${made++}`);
    const file = await open(staged, 'wx');
    let stats: BigIntStats;
    try {
      await file.writeFile(text);
      stats = await file.stat({ bigint: true });
    } finally {
      await file.close();
    }
    await rename(staged, path);
    return stats;
  }

  function toInfo(key: string, stats: BigIntStats, metadata: unknown): Omit<RawRecord, 'data'> {
    return {
      key,
      kind: 'json',
      etag: `${stats.ino}-${stats.size}-${stats.mtimeNs}`,
      updatedAt: new Date(Number(stats.mtimeNs / 1_000_000n)),
      size: Number(stats.size),
      contentType: 'application/json',
      metadata,
    };
  }

  async function get(key: string): Promise<RawRecord | undefined> {
    const found = await read(join(records, key));
    return found && { ...toInfo(key, found.stats, {}), data: JSON.parse(found.text) };
  }

  async function set(key: string, data: unknown): Promise<Omit<RawRecord, 'data'>> {
    return toInfo(key, await write(join(records, key), JSON.stringify(data, null, 2)), {});
  }

  async function sortedKeys(): Promise<string[]> {
    return (await readdir(records)).sort();
  }

  return {
    get,
    set,
    getMany: (keys) => inParts(keys, get),
    setMany: (items) => inParts(items, ({ key, data }) => set(key, data)),
    async delete(key) {
      try {
        await unlink(join(records, key));
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    },
    async page(after) {
      const keys = (await sortedKeys()).filter((key) => key > after).slice(0, pageSize);
      return { items: (await inParts(keys, get)).filter((record) => record !== undefined) };
    },
    async filter(value) {
      const all = await inParts(await sortedKeys(), get);
      return {
        items: all.filter(
          (record) => record !== undefined && (record.data as { readonly [name: string]: unknown })[field] === value,
        ) as RawRecord[],
      };
    },
    async getDescribed(key) {
      const [found, beside] = await Promise.all([read(join(records, key)), read(join(described, key))]);
      if (found === undefined) return undefined;
      const metadata: unknown = beside === undefined ? {} : JSON.parse(beside.text);
      return { ...toInfo(key, found.stats, metadata), data: JSON.parse(found.text) };
    },
    async setDescribed(key, data, metadata) {
      await write(join(described, key), JSON.stringify(metadata));
      return toInfo(key, await write(join(records, key), JSON.stringify(data, null, 2)), metadata);
    },
  };
}
