import type { IncomingHttpHeaders } from 'node:http';
import { type Call, makeCall } from '@storage/backend-kit';
import type { Headers } from './s3-headers.ts';
import type { S3Object, S3Objects, S3Part } from './s3-objects.ts';
import { type Attempts, hasCode } from './s3-wire.ts';

/** What one request of a rewrite has the server copy. */
const copyBytes = 512 * 1024 * 1024;
/** How long cleaning up after a failed upload may take. */
const cleanUpMs = 10_000;
/** How many uploads are remembered that could not be aborted. */
const maxAbandoned = 1000;
/** Codes of what did not happen, and will not when it is asked again. */
const refusals = ['NoSuchBucket', 'AccessDenied', 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'NotImplemented'];

/** What an upload needs to know of the record. */
export interface UploadOptions {
  /** The record's headers. `size` is told where it is known. */
  readonly headers: (size: number) => Headers;
  /** Carries out what makes the object appear, under the record's condition. */
  readonly publish: (send: (guard: Headers, attempts: Attempts) => Promise<void>) => Promise<void>;
}

/** What was written. */
export interface Written {
  readonly headers: IncomingHttpHeaders;
  readonly size: number;
}

/** Chunks as parts of equal size: the last may be smaller. None of them is empty, unless there is nothing at all. */
async function* toParts(chunks: AsyncIterable<Uint8Array>, partBytes: number): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; ) {
      const taken = chunk.subarray(at, at + partBytes - size);
      // A copy: the source may use its buffer again.
      held.push(Buffer.from(taken));
      size += taken.byteLength;
      at += taken.byteLength;
      if (size < partBytes) continue;
      yield Buffer.concat(held);
      held = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(held);
}

/** An upload whose start was asked for, and whose id was lost with the answer. */
interface LostStart {
  readonly name: string;
  /** When it must have begun, by the server's clock. */
  readonly from: number;
  readonly until: number;
  /** The one that was begun instead. */
  readonly kept: string | undefined;
}

/** What is still to be aborted. */
type Abandoned = LostStart | { readonly name: string; readonly upload: string };

/** Multipart uploads that leave nothing behind. */
export class S3Uploads {
  readonly #objects: S3Objects;
  readonly #partBytes: number;
  readonly #running = new Set<Promise<unknown>>();
  /** The ids of those that are under way here. */
  readonly #ids = new Set<string>();
  readonly #abandoned = new Set<Abandoned>();

  constructor(objects: S3Objects, partBytes: number) {
    this.#objects = objects;
    this.#partBytes = partBytes;
  }

  /** Stores chunks: what fits into one part is one request, all else an upload, one part at a time. */
  async write(name: string, chunks: AsyncIterable<Uint8Array>, call: Call, options: UploadOptions): Promise<Written> {
    const parts = toParts(chunks, this.#partBytes);
    const first = await parts.next();
    const body = first.done ? Buffer.alloc(0) : first.value;
    const second = body.length < this.#partBytes ? undefined : await parts.next();
    if (second === undefined || second.done) {
      const headers = options.headers(body.length);
      await options.publish((guard, attempts) =>
        this.#objects.put(name, { ...headers, ...guard }, body, call, attempts),
      );
      return { headers, size: body.length };
    }
    const headers = options.headers(0);
    let size = body.length + second.value.length;
    await this.#upload(name, headers, call, options.publish, async (upload) => {
      const done = [await this.#objects.putPart(name, upload, 1, body, call)];
      done.push(await this.#objects.putPart(name, upload, 2, second.value, call));
      for await (const part of parts) {
        done.push(await this.#objects.putPart(name, upload, done.length + 1, part, call));
        size += part.length;
      }
      return done;
    });
    return { headers, size };
  }

  /** Gives an object other headers: the server copies its bytes, and the last step has the condition. */
  async rewrite(name: string, object: S3Object, headers: Headers, guard: Headers, call: Call): Promise<void> {
    const publish: UploadOptions['publish'] = (send) => send(guard, { uncertain: false });
    await this.#upload(name, headers, call, publish, async (upload) => {
      const done: S3Part[] = [];
      for (let at = 0; at < object.size; at += copyBytes) {
        const range = `bytes=${at}-${Math.min(object.size, at + copyBytes) - 1}`;
        done.push(await this.#objects.copyPart(name, upload, done.length + 1, object, range, call));
      }
      return done;
    });
  }

  /** Waits for uploads whose callers have left, and tries once more to abort what could not be. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#running);
    await this.#retryAborts();
  }

  async #upload(
    name: string,
    headers: Headers,
    call: Call,
    publish: UploadOptions['publish'],
    fill: (upload: string) => Promise<readonly S3Part[]>,
  ): Promise<void> {
    const work = this.#runUpload(name, headers, call, publish, fill);
    this.#running.add(work);
    try {
      await work;
    } finally {
      this.#running.delete(work);
    }
  }

  async #runUpload(
    name: string,
    headers: Headers,
    call: Call,
    publish: UploadOptions['publish'],
    fill: (upload: string) => Promise<readonly S3Part[]>,
  ): Promise<void> {
    if (this.#abandoned.size > 0) await this.#retryAborts();
    const upload = await this.#start(name, headers, call);
    this.#ids.add(upload);
    try {
      const parts = await fill(upload);
      call.check();
      await publish((guard, attempts) => this.#objects.completeUpload(name, upload, parts, guard, call, attempts));
    } catch (error) {
      await this.#abort({ name, upload });
      throw error;
    } finally {
      this.#ids.delete(upload);
    }
  }

  async #start(name: string, headers: Headers, call: Call): Promise<string> {
    const attempts: Attempts = { uncertain: false };
    const from = this.#now();
    let kept: string | undefined;
    try {
      kept = await this.#objects.startUpload(name, headers, call, attempts);
      return kept;
    } catch (error) {
      // An answer that is no refusal may have begun one.
      attempts.uncertain ||= !hasCode(error, ...refusals);
      throw error;
    } finally {
      if (attempts.uncertain) await this.#abort({ name, from, until: this.#now(), kept });
    }
  }

  #now(): number {
    return Date.now() + this.#objects.wire.clock.offset;
  }

  /** Never fails: what can't be aborted now is remembered. */
  async #abort(abandoned: Abandoned): Promise<void> {
    const call = makeCall({ timeoutMs: cleanUpMs });
    this.#abandoned.add(abandoned);
    const [oldest] = this.#abandoned;
    if (this.#abandoned.size > maxAbandoned && oldest !== undefined) this.#abandoned.delete(oldest);
    try {
      const ids = 'upload' in abandoned ? [abandoned.upload] : await this.#lostIds(abandoned, call);
      for (const id of ids) await this.#objects.abortUpload(abandoned.name, id, call);
      this.#abandoned.delete(abandoned);
    } catch (error) {
      // What is refused will be so again; all else is tried behind the next upload.
      if (hasCode(error, ...refusals)) this.#abandoned.delete(abandoned);
    } finally {
      call.end();
    }
  }

  /** Uploads that were begun while the answer was waited for, and that nobody here knows. */
  async #lostIds({ name, from, until, kept }: LostStart, call: Call): Promise<readonly string[]> {
    const uploads = await this.#objects.uploads(name, call);
    return uploads
      .filter(
        ({ id, startedAt }) => id !== kept && !this.#ids.has(id) && startedAt >= from - 1000 && startedAt <= until,
      )
      .map(({ id }) => id);
  }

  async #retryAborts(): Promise<void> {
    for (const abandoned of [...this.#abandoned]) await this.#abort(abandoned);
  }
}
