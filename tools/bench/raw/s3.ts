// What a careful user writes with minio's client by hand: an agent that keeps connections, objects with the same headers as those of
// the store that it is compared with, 64 requests at once for batches, pages by `start-after`, and a filter that reads what there is.
import { randomUUID } from 'node:crypto';
import { Agent, type IncomingMessage } from 'node:http';
import { Client } from 'minio';

/** A record as both sides answer it. */
interface RawRecord {
  readonly key: string;
  readonly kind: 'json' | 'bytes';
  readonly etag: string;
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

export interface RawS3 {
  get(key: string): Promise<RawRecord | undefined>;
  getMany(keys: readonly string[]): Promise<readonly (RawRecord | undefined)[]>;
  set(key: string, data: unknown): Promise<RawInfo>;
  setMany(items: readonly Item[]): Promise<readonly RawInfo[]>;
  /** Answers whether it was there. */
  delete(key: string): Promise<boolean>;
  /** 100 records behind a key. */
  page(after: string): Promise<RawPage>;
  /** The first 100 records whose member `user` has the value, by key. */
  filter(value: string): Promise<RawPage>;
  close(): void;
}

const page = 100;
const width = 64;

async function readAll(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function eachAtOnce<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}

function isMissing(error: unknown): boolean {
  const code: unknown = (error as { readonly code?: unknown }).code;
  return code === 'NoSuchKey' || code === 'NotFound';
}

/** Objects below a prefix of a bucket that is there. */
export function openRawS3(url: string, bucket: string, prefix: string): RawS3 {
  const { hostname, port, username, password } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: width, scheduling: 'lifo' });
  const client = new Client({
    endPoint: hostname,
    port: Number(port),
    useSSL: false,
    accessKey: username,
    secretKey: password,
    region: 'us-east-1',
    transportAgent: agent,
  });

  function toRecord(key: string, { headers }: IncomingMessage, body: Buffer): RawRecord | undefined {
    const [, , etag = '', updated = '0', expires = '-'] = String(headers['x-amz-meta-storage']).split(' ');
    const expiresAt = expires === '-' ? undefined : new Date(Number.parseInt(expires, 36));
    if (expiresAt !== undefined && expiresAt.getTime() <= Date.now()) return undefined;
    return {
      key,
      kind: 'json',
      etag,
      updatedAt: new Date(Number.parseInt(updated, 36)),
      expiresAt,
      size: body.length,
      contentType: headers['content-type'] ?? '',
      metadata: {},
      data: JSON.parse(body.toString('utf8')),
    };
  }

  async function get(key: string): Promise<RawRecord | undefined> {
    try {
      // The stream is the answer itself, with its headers.
      const stream = (await client.getObject(bucket, prefix + key)) as IncomingMessage;
      return toRecord(key, stream, await readAll(stream));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async function set(key: string, data: unknown): Promise<RawInfo> {
    const body = Buffer.from(JSON.stringify(data));
    const etag = randomUUID();
    const updatedAt = new Date();
    await client.putObject(bucket, prefix + key, body, body.length, {
      'Content-Type': 'application/json',
      'x-amz-meta-storage': `1 j ${etag} ${updatedAt.getTime().toString(36)} -`,
    });
    const contentType = 'application/json';
    return { key, kind: 'json', etag, updatedAt, expiresAt: undefined, size: body.length, contentType, metadata: {} };
  }

  async function keysBehind(
    after: string,
    limit: number,
  ): Promise<{ readonly keys: string[]; readonly more: boolean }> {
    const answer = await client.listObjectsV2Query(bucket, prefix, '', '', limit, after === '' ? '' : prefix + after);
    const keys = answer.objects.flatMap(({ name }) => (name === undefined ? [] : [name.slice(prefix.length)]));
    return { keys, more: answer.isTruncated === true };
  }

  async function readPage(after: string, limit: number): Promise<RawPage> {
    const { keys, more } = await keysBehind(after, limit);
    const found = await eachAtOnce(keys, get);
    return { items: found.filter((record) => record !== undefined), more };
  }

  return {
    get,
    set,
    getMany: (keys) => eachAtOnce(keys, get),
    setMany: (items) => eachAtOnce(items, ({ key, data }) => set(key, data)),
    async delete(key) {
      try {
        await client.statObject(bucket, prefix + key);
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
      await client.removeObject(bucket, prefix + key);
      return true;
    },
    page: (after) => readPage(after, page),
    async filter(value) {
      const items: RawRecord[] = [];
      for (let after = '', more = true; more; ) {
        const read = await readPage(after, 1000);
        for (const record of read.items) {
          if ((record.data as { readonly user?: unknown }).user === value) items.push(record);
          if (items.length === page) return { items, more: true };
        }
        after = read.items.at(-1)?.key ?? '';
        more = read.more;
      }
      return { items, more: false };
    },
    close: () => agent.destroy(),
  };
}
