import type { IncomingHttpHeaders } from 'node:http';
import { type Call, makeCall } from '@storage/backend-kit';
import type { Headers } from './s3-headers.ts';
import type { S3Object, S3Objects, S3Part } from './s3-objects.ts';
import type { Attempts } from './s3-wire.ts';

/** What one request of a rewrite has the server copy. */
const copyBytes = 512 * 1024 * 1024;
/** How long cleaning up after a failed upload may take. */
const cleanUpMs = 10_000;

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

/** Multipart uploads that leave nothing behind. */
export class S3Uploads {
  readonly #objects: S3Objects;
  readonly #partBytes: number;
  readonly #running = new Set<Promise<unknown>>();
  /** Uploads that could not be aborted, by their ids. */
  readonly #abandoned = new Map<string, string>();

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
    const upload = await this.#objects.startUpload(name, headers, call);
    try {
      const parts = await fill(upload);
      call.check();
      await publish((guard, attempts) => this.#objects.completeUpload(name, upload, parts, guard, call, attempts));
    } catch (error) {
      await this.#abort(name, upload);
      throw error;
    }
  }

  /** Never fails: an upload that can't be aborted now is remembered. */
  async #abort(name: string, upload: string): Promise<void> {
    const call = makeCall({ timeoutMs: cleanUpMs });
    try {
      await this.#objects.abortUpload(name, upload, call);
      this.#abandoned.delete(upload);
    } catch (error) {
      if (error !== undefined) this.#abandoned.set(upload, name);
    } finally {
      call.end();
    }
  }

  async #retryAborts(): Promise<void> {
    for (const [upload, name] of [...this.#abandoned]) await this.#abort(name, upload);
  }
}
