// What a careful user writes with ioredis by hand: one connection, a hash a record, changed together with its order and its expiry by
// a script that is sent by its hash, batches in a pipeline, pages by a range of the sorted set, a tag of RediSearch for the field
// that is filtered. And a cache: one string a record, batches by MSET and MGET. What is kept and answered is that of the store that it
// is compared with.
import { createHash, randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';

/** A record as both sides answer it. */
interface RawRecord {
  readonly key: string;
  readonly kind: 'json';
  readonly etag: string;
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date;
  readonly expiresAt: Date | undefined;
  readonly size: number;
  readonly contentType: string;
  readonly metadata: unknown;
  readonly data: unknown;
}

/** What a write answers. */
type RawInfo = Omit<RawRecord, 'data'>;

interface RawPage {
  readonly items: readonly RawRecord[];
  readonly more: boolean;
}

interface Item {
  readonly key: string;
  readonly data: unknown;
}

export interface RawRedis {
  get(key: string): Promise<RawRecord | undefined>;
  getMany(keys: readonly string[]): Promise<readonly (RawRecord | undefined)[]>;
  set(key: string, data: unknown): Promise<RawInfo>;
  setMany(items: readonly Item[]): Promise<readonly RawInfo[]>;
  delete(key: string): Promise<boolean>;
  /** 100 records behind a key. */
  page(after: string): Promise<RawPage>;
  /** The first 100 records whose field has the value, by key. */
  filter(value: string): Promise<RawPage>;
  close(): Promise<void>;
}

const page = 100;
const contentType = 'application/json';

const put = `
local old = redis.call('HGET', KEYS[3], 'head')
local clock = redis.call('TIME')
local now = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))
local created = old and string.match(old, '^%d+') or now
redis.call('ZADD', KEYS[1], 0, ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[3], 'etag', ARGV[2], 'head', created .. ' ' .. now .. ' ' .. ARGV[3], 'data', ARGV[4], unpack(ARGV, 5))
return {created, now}
`;

const drop = `
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[3])
`;

function shaOf(script: string): string {
  return createHash('sha1').update(script).digest('hex');
}

function infoOf(key: string, etag: string, size: number, created: string | undefined, updated: string): RawInfo {
  return {
    key,
    kind: 'json',
    etag,
    createdAt: created === undefined ? undefined : new Date(Number(created)),
    updatedAt: new Date(Number(updated)),
    expiresAt: undefined,
    size,
    contentType,
    metadata: {},
  };
}

function toRecord(key: string, fields: readonly (string | null)[]): RawRecord | undefined {
  const [etag, head, data] = fields;
  if (!etag || !head || !data) return undefined;
  const [created = '', updated = '', size = ''] = head.split(' ');
  return { ...infoOf(key, etag, Number(size), created, updated), data: JSON.parse(data) };
}

/** Records under a prefix. `field` is a member of the data that has an index. */
export async function openRawRedis(url: string, prefix: string, field: string | undefined): Promise<RawRedis> {
  const redis = new Redis(url);
  await redis.script('LOAD', put);
  await redis.script('LOAD', drop);
  const [putSha, dropSha] = [shaOf(put), shaOf(drop)];
  const [order, expiry, records] = [`${prefix}order`, `${prefix}expiry`, `${prefix}r:`];
  const index = `${prefix}index`;
  if (field !== undefined)
    await redis.call('FT.CREATE', [
      index,
      'ON',
      'HASH',
      'PREFIX',
      1,
      records,
      'SCHEMA',
      'field',
      'TAG',
      'CASESENSITIVE',
    ]);

  const tagOf = (value: string): string => value.replaceAll('-', '_');
  const putArguments = (key: string, etag: string, json: string, size: number, data: unknown): (string | number)[] => [
    3,
    order,
    expiry,
    records + key,
    key,
    etag,
    String(size),
    json,
    ...(field === undefined ? ['kind', 'json'] : ['field', tagOf(String((data as Record<string, unknown>)[field]))]),
  ];

  async function fetch(keys: readonly string[]): Promise<readonly (RawRecord | undefined)[]> {
    const pipeline = redis.pipeline();
    for (const key of keys) pipeline.hmget(records + key, 'etag', 'head', 'data');
    const replies = (await pipeline.exec()) ?? [];
    return keys.map((key, at) => toRecord(key, replies[at]?.[1] as (string | null)[]));
  }

  return {
    async get(key) {
      return toRecord(key, await redis.hmget(records + key, 'etag', 'head', 'data'));
    },
    getMany: fetch,
    async set(key, data) {
      const json = JSON.stringify(data);
      const etag = randomUUID();
      const size = Buffer.byteLength(json);
      const reply = await redis.call('evalsha', [putSha, ...putArguments(key, etag, json, size, data)]);
      const [created = '', now = ''] = reply as string[];
      return infoOf(key, etag, size, created, now);
    },
    async setMany(items) {
      const pipeline = redis.pipeline();
      const made = items.map(({ key, data }) => {
        const json = JSON.stringify(data);
        const etag = randomUUID();
        const size = Buffer.byteLength(json);
        pipeline.call('evalsha', putSha, ...putArguments(key, etag, json, size, data));
        return { key, etag, size };
      });
      const replies = (await pipeline.exec()) ?? [];
      return made.map(({ key, etag, size }, at) => {
        const [created = '', now = ''] = (replies[at]?.[1] ?? []) as string[];
        return infoOf(key, etag, size, created, now);
      });
    },
    async delete(key) {
      return (await redis.call('evalsha', [dropSha, 3, order, expiry, records + key, key])) === 1;
    },
    async page(after) {
      const keys = await redis.zrangebylex(order, after === '' ? '-' : `(${after}`, '+', 'LIMIT', 0, page + 1);
      const items = (await fetch(keys.slice(0, page))).filter((record) => record !== undefined);
      return { items, more: keys.length > page };
    },
    async filter(value) {
      const query = `@field:{${tagOf(value)}}`;
      const limit = ['LIMIT', 0, page + 1, 'RETURN', 3, 'etag', 'head', 'data', 'DIALECT', 2];
      // A map, as pairs in a row; each result is one too.
      const reply = (await redis.call('FT.SEARCH', [index, query, ...limit])) as readonly unknown[];
      const results = pairOf(reply, 'results') as readonly (readonly unknown[])[];
      const items = results.flatMap((result) => {
        const fields = pairOf(result, 'extra_attributes') as readonly string[];
        const values = ['etag', 'head', 'data'].map((name) => pairOf(fields, name) as string);
        return toRecord(String(pairOf(result, 'id')).slice(records.length), values) ?? [];
      });
      items.sort((a, b) => (a.key < b.key ? -1 : 1));
      return { items: items.slice(0, page), more: items.length > page };
    },
    async close() {
      redis.disconnect();
    },
  };
}

function pairOf(pairs: readonly unknown[], name: string): unknown {
  return pairs[pairs.indexOf(name) + 1];
}

/** A cache: one string a record. */
export async function openRawCache(url: string, prefix: string): Promise<RawRedis> {
  const redis = new Redis(url);
  const encode = (key: string, data: unknown): readonly [RawInfo, string] => {
    const json = JSON.stringify(data);
    const info = infoOf(key, randomUUID(), Buffer.byteLength(json), undefined, String(Date.now()));
    return [info, `${info.etag} ${info.updatedAt.getTime()} ${info.size} ${json}`];
  };
  const decode = (key: string, text: string | null): RawRecord | undefined => {
    if (text === null) return undefined;
    const first = text.indexOf(' ');
    const second = text.indexOf(' ', first + 1);
    const third = text.indexOf(' ', second + 1);
    const [etag, updated, size] = [text.slice(0, first), text.slice(first + 1, second), text.slice(second + 1, third)];
    return { ...infoOf(key, etag, Number(size), undefined, updated), data: JSON.parse(text.slice(third + 1)) };
  };
  const unlisted = async (): Promise<never> => {
    throw new Error('A cache has no lists.');
  };
  return {
    async get(key) {
      return decode(key, await redis.get(prefix + key));
    },
    async getMany(keys) {
      const found = await redis.mget(keys.map((key) => prefix + key));
      return keys.map((key, at) => decode(key, found[at] ?? null));
    },
    async set(key, data) {
      const [info, text] = encode(key, data);
      await redis.set(prefix + key, text);
      return info;
    },
    async setMany(items) {
      const made = items.map(({ key, data }) => encode(key, data));
      await redis.mset(made.flatMap(([{ key }, text]) => [prefix + key, text]));
      return made.map(([info]) => info);
    },
    async delete(key) {
      return (await redis.del(prefix + key)) === 1;
    },
    page: unlisted,
    filter: unlisted,
    async close() {
      redis.disconnect();
    },
  };
}
