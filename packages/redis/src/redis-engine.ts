import type { Call, ErrorSite, RecordRow } from '@storage/backend-kit';
import { isStorageError, StorageError } from '@storage/core';
import type { RedisArgument, RedisConnection } from './redis-connection.ts';
import { isLost, listOf, replaced, translateRedis } from './redis-errors.ts';
import type { Bucket, RedisLayout } from './redis-layout.ts';
import { RedisRegistry } from './redis-registry.ts';
import { type FoundRow, parseRow, type StreamPlace, wholeRow } from './redis-rows.ts';
import { run, type Script, scripts } from './redis-scripts.ts';

/** How many records one script touches at most, and how many bytes it carries, so that other clients get their turn. */
export const stepRows = 250;
const stepBytes = 4 * 1024 * 1024;
/** How long what was lost on the way waits for the connection. */
export const reconnectMs = 3000;
/** How often a record that is replaced under a reader is read again. */
const maxAttempts = 5;

/** Which fields of a record are read. */
export const wholeFields: readonly string[] = ['e', 'h', 'v'];
export const infoFields: readonly string[] = ['e', 'h'];

/** What was not said by a `StorageError` yet, said by one. */
export function asStorageError(error: unknown, operation: string, write: boolean): StorageError {
  return translateRedis(error, { operation, key: undefined, write } satisfies ErrorSite);
}

/** Members of one bucket, with their places in the batch they came from. */
export interface Group<T> {
  readonly bucket: Bucket;
  readonly members: T[];
  readonly places: number[];
}

/** Members by bucket, cut into steps. */
export function inSteps<T>(
  members: readonly T[],
  bucketOf: (member: T) => Bucket,
  bytesOf: (member: T) => number = () => 0,
  whole = false,
): readonly Group<T>[] {
  const open = new Map<Bucket, { readonly group: Group<T>; bytes: number }>();
  const steps: Group<T>[] = [];
  for (const [place, member] of members.entries()) {
    const bucket = bucketOf(member);
    let step = open.get(bucket);
    if (
      step === undefined ||
      (!whole && (step.group.members.length >= stepRows || step.bytes + bytesOf(member) > stepBytes))
    ) {
      step = { group: { bucket, members: [], places: [] }, bytes: 0 };
      open.set(bucket, step);
      steps.push(step.group);
    }
    step.group.members.push(member);
    step.group.places.push(place);
    step.bytes += bytesOf(member);
  }
  return steps;
}

/** What every part of the store does with the server. */
export class RedisEngine {
  readonly connection: RedisConnection;
  readonly layout: RedisLayout;
  readonly registry: RedisRegistry;
  /** The longest text that the server takes in one piece. */
  readonly bulkLimit: number;

  constructor(connection: RedisConnection, layout: RedisLayout, bulkLimit: number) {
    this.connection = connection;
    this.layout = layout;
    this.bulkLimit = bulkLimit;
    this.registry = new RedisRegistry(connection, layout);
  }

  run(script: Script, keys: readonly string[], args: readonly RedisArgument[], bytes = false): Promise<unknown> {
    return run(this.connection, script, keys, args, bytes);
  }

  /** Makes a namespace known that is about to be written to. Missing: it is. */
  announce(ns: string): Promise<void> | undefined {
    return this.registry.announce(ns);
  }

  /** Refuses a value that the server would answer by closing the connection. */
  checkBulk(size: number): void {
    if (size <= this.bulkLimit) return;
    throw new StorageError({
      code: 'too_large',
      message: `The value has ${size} bytes; the server takes ${this.bulkLimit} in one piece (\`proto-max-bulk-len\`). Use storeStream.`,
      applied: 'no',
      details: { limit: this.bulkLimit, actual: size },
    });
  }

  /** One record, without the content of a stream. */
  async readOne(ns: string, key: string, fields: readonly string[]): Promise<FoundRow | undefined> {
    const record = this.layout.bucketOf(ns, key).records + key;
    const found = listOf<Buffer | null>(await this.connection.bytes('hmget', [record, ...fields]));
    return parseRow(key, found, fields === wholeFields);
  }

  /** Records in the order of the keys, without the content of streams. */
  readMany(ns: string, keys: readonly string[], fields: readonly string[]): Promise<(FoundRow | undefined)[]> {
    return this.readAnywhere(
      keys.map((key) => ({ ns, key })),
      fields,
    );
  }

  /** As `readMany`, of any namespaces. */
  async readAnywhere(
    places: readonly { readonly ns: string; readonly key: string }[],
    fields: readonly string[],
  ): Promise<(FoundRow | undefined)[]> {
    const rows = new Array<FoundRow | undefined>(places.length);
    await Promise.all(
      inSteps(places, ({ ns, key }) => this.layout.bucketOf(ns, key)).map(async (step) => {
        const names = step.members.map(({ key }) => step.bucket.records + key);
        const found = listOf<(Buffer | null)[]>(await this.run(scripts.read, names, fields, true));
        for (const [index, place] of step.places.entries())
          rows[place] = parseRow(step.members[index]?.key ?? '', found[index] ?? [], fields === wholeFields);
      }),
    );
    return rows;
  }

  /** The row with its content. A stream that was replaced meanwhile is read anew. */
  async complete(ns: string, row: FoundRow | undefined): Promise<RecordRow | undefined> {
    let found = row;
    for (let attempt = 1; found !== undefined; attempt++) {
      const { content, stream } = found;
      if (content !== null && content !== undefined) return wholeRow(found, content);
      if (stream === undefined) throw replaced(found.key);
      try {
        return wholeRow(found, await this.#gather(ns, found, stream));
      } catch (error) {
        if (!isStorageError(error, 'conflict') || attempt === maxAttempts) throw error;
      }
      found = await this.readOne(ns, found.key, wholeFields);
    }
    return undefined;
  }

  async #gather(ns: string, row: FoundRow, stream: StreamPlace): Promise<Uint8Array> {
    const content = new Uint8Array(row.size);
    let offset = 0;
    for (let number = 0; offset < row.size; number++) {
      const chunk = await this.chunk(ns, row.key, stream, number);
      content.set(chunk, offset);
      offset += chunk.length;
    }
    return content;
  }

  /** One chunk of a stream; `conflict` when it is gone. */
  async chunk(ns: string, key: string, { version }: StreamPlace, number: number): Promise<Buffer> {
    const { chunks } = this.layout.bucketOf(ns, key);
    const chunk = (await this.connection.bytes('hget', [chunks + version, number])) as Buffer | null;
    if (chunk === null || chunk.length === 0) throw replaced(key);
    return chunk;
  }

  /** The error of a read. One that was lost on the way is tried again by whoever gathers reads, so a connection is waited for. */
  async readFailed(error: unknown, call: Call): Promise<StorageError> {
    const failure = asStorageError(error, 'records.retrieve', true);
    if (isLost(failure)) await this.connection.settled(reconnectMs, call);
    return asStorageError(error, 'records.retrieve', false);
  }

  /** Takes keys without a record out of the indexes of their bucket. */
  async heal(bucket: Bucket, keys: readonly string[]): Promise<void> {
    for (let start = 0; start < keys.length; start += stepRows) {
      const some = keys.slice(start, start + stepRows);
      await this.run(
        scripts.heal,
        [bucket.order, bucket.expiry, bucket.shapes, ...some.map((key) => bucket.records + key)],
        some,
      );
    }
  }
}
