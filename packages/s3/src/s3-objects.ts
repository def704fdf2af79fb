import { constants } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import type { Call } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import { type Headers, tagOf } from './s3-headers.ts';
import { type Attempts, hasCode, readBody, type S3Wire } from './s3-wire.ts';

/** What a server tells of an object. */
export interface S3Object {
  readonly headers: IncomingHttpHeaders;
  /** Of the whole, in bytes. */
  readonly size: number;
  /** The server's ETag, quoted: the guard of conditional requests. */
  readonly tag: string;
}

/** An object with its bytes, or a part of them. */
export interface S3Body extends S3Object {
  readonly body: Buffer;
}

/** An entry of a list. */
export interface S3Entry {
  readonly name: string;
  readonly size: number;
}

export interface S3List {
  readonly entries: readonly S3Entry[];
  /** Folders that were not gone into, where a delimiter was given. */
  readonly folders: readonly string[];
  readonly more: boolean;
}

/** An upload that somebody has begun. */
export interface S3Upload {
  readonly id: string;
  /** By the server's clock. */
  readonly startedAt: number;
}

/** A part of an upload that is done. */
export interface S3Part {
  readonly number: number;
  readonly tag: string;
}

const missing = ['NoSuchKey', 'NotFound'];

async function orMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (hasCode(error, ...missing)) return undefined;
    throw error;
  }
}

/** Whether a condition did not hold: the object is another, or, where there had to be one, gone. */
export function refusedCondition(error: unknown): boolean {
  return hasCode(error, 'PreconditionFailed', 'ConditionalRequestConflict', 'NoSuchUpload', ...missing);
}

function sizeOf(headers: IncomingHttpHeaders): number {
  const range = /\/(\d+)$/.exec(headers['content-range'] ?? '');
  return Number(range?.[1] ?? headers['content-length'] ?? 0);
}

function toObject(headers: IncomingHttpHeaders): S3Object {
  return { headers, size: sizeOf(headers), tag: tagOf(headers) };
}

/** A code inside an answer that began as a success: servers say so of what takes long. */
function hiddenCode(text: string): string | undefined {
  return text.includes('<Error>') ? (/<Code>([A-Za-z]+)<\/Code>/.exec(text)?.[1] ?? 'InternalError') : undefined;
}

function textOf(xml: string, element: string): string {
  const text = new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1] ?? '';
  return text.replaceAll('&quot;', '"').replaceAll('&#34;', '"').replaceAll('&amp;', '&');
}

/** The operations of S3 that records are made of, on objects of one bucket. */
export class S3Objects {
  readonly wire: S3Wire;

  constructor(wire: S3Wire) {
    this.wire = wire;
  }

  /** What is known of an object. */
  async head(name: string, call: Call): Promise<S3Object | undefined> {
    const found = await orMissing(
      this.wire.send({ method: 'HEAD', name }, call, async (response) => {
        await readBody(response);
        return toObject(response.headers);
      }),
    );
    // The answer to a HEAD has no room to say whether it is the object or the bucket that is missing, and that is no miss.
    return found ?? this.get(name, call);
  }

  /** The object, or the bytes of it that `headers` ask for. */
  get(name: string, call: Call, headers?: Headers): Promise<S3Body | undefined> {
    const request = { method: 'GET', name, headers, expect: [200, 206] } as const;
    return orMissing(
      this.wire.send(request, call, async (response) => {
        const object = toObject(response.headers);
        const length = Number(response.headers['content-length'] ?? 0);
        if (length > constants.MAX_LENGTH) {
          response.destroy();
          throw new StorageError({
            code: 'too_large',
            message: `The record has ${length} bytes, more than fit into memory as one value; read it by retrieveStream.`,
            details: { limit: constants.MAX_LENGTH, actual: length },
          });
        }
        return { ...object, body: await readBody(response) };
      }),
    );
  }

  async put(name: string, headers: Headers, body: Buffer, call: Call, attempts?: Attempts): Promise<void> {
    await this.wire.send({ method: 'PUT', name, headers, body }, call, readBody, attempts);
  }

  async remove(name: string, call: Call, headers?: Headers): Promise<void> {
    await this.wire.send({ method: 'DELETE', name, headers, expect: [200, 204] }, call, readBody);
  }

  /** Removes at most 1,000. Answers what the server could not, by name. */
  async removeMany(names: readonly string[], call: Call): Promise<ReadonlyMap<string, unknown>> {
    const answers = await this.wire.attempt(call, (view) => view.removeObjects(this.wire.bucket, [...names]));
    const failed = new Map<string, unknown>();
    for (const answer of answers) {
      if (!answer || hasCode({ code: answer.Error?.Code }, ...missing)) continue;
      failed.set(String(answer.Error?.Key), { code: String(answer.Error?.Code) });
    }
    return failed;
  }

  /** `startAfter` `''`: from the first. At most 1,000. */
  async list(prefix: string, startAfter: string, limit: number, delimiter: '' | '/', call: Call): Promise<S3List> {
    const { bucket } = this.wire;
    const answer = await this.wire.attempt(call, (view) =>
      view.listObjectsV2Query(bucket, prefix, '', delimiter, limit, startAfter),
    );
    const entries: S3Entry[] = [];
    const folders: string[] = [];
    for (const { name, prefix: folder, size } of answer.objects) {
      if (name !== undefined) entries.push({ name: String(name), size: Number(size) });
      else if (folder !== undefined) folders.push(String(folder));
    }
    return { entries, folders, more: answer.isTruncated === true };
  }

  async startUpload(name: string, headers: Headers, call: Call, attempts?: Attempts): Promise<string> {
    return this.wire.send(
      { method: 'POST', name, query: 'uploads=', headers },
      call,
      async (response) => textOf((await readBody(response)).toString('utf8'), 'UploadId'),
      attempts,
    );
  }

  /** Uploads of an object that are neither complete nor aborted. */
  async uploads(name: string, call: Call): Promise<readonly S3Upload[]> {
    const { bucket } = this.wire;
    const { uploads } = await this.wire.attempt(call, (view) =>
      view.listIncompleteUploadsQuery(bucket, name, '', '', ''),
    );
    return uploads.flatMap(({ key, uploadId, initiated }) =>
      key === name ? [{ id: uploadId, startedAt: new Date(initiated).getTime() }] : [],
    );
  }

  async putPart(name: string, upload: string, number: number, body: Buffer, call: Call): Promise<S3Part> {
    const query = `partNumber=${number}&uploadId=${encodeURIComponent(upload)}`;
    return this.wire.send({ method: 'PUT', name, query, body }, call, async (response) => {
      await readBody(response);
      return { number, tag: tagOf(response.headers) };
    });
  }

  /** A part that is a range of an object as it was, copied by the server. */
  async copyPart(
    name: string,
    upload: string,
    number: number,
    { tag }: S3Object,
    range: string,
    call: Call,
  ): Promise<S3Part> {
    const query = `partNumber=${number}&uploadId=${encodeURIComponent(upload)}`;
    const headers = {
      'x-amz-copy-source': encodeURI(`/${this.wire.bucket}/${name}`),
      'x-amz-copy-source-range': range,
      'x-amz-copy-source-if-match': tag,
    };
    return this.wire.send({ method: 'PUT', name, query, headers }, call, async (response) => {
      const text = (await readBody(response)).toString('utf8');
      const code = hiddenCode(text);
      if (code !== undefined) throw Object.assign(new Error('The copy failed.'), { code });
      return { number, tag: textOf(text, 'ETag') };
    });
  }

  async completeUpload(
    name: string,
    upload: string,
    parts: readonly S3Part[],
    headers: Headers,
    call: Call,
    attempts?: Attempts,
  ): Promise<void> {
    const list = parts.map(({ number, tag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${tag}</ETag></Part>`);
    const body = Buffer.from(`<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`);
    const query = `uploadId=${encodeURIComponent(upload)}`;
    await this.wire.send(
      { method: 'POST', name, query, headers, body },
      call,
      async (response) => {
        const code = hiddenCode((await readBody(response)).toString('utf8'));
        if (code !== undefined) throw Object.assign(new Error('The upload was not completed.'), { code });
      },
      attempts,
    );
  }

  /** One that is not there any more is as good as aborted. */
  async abortUpload(name: string, upload: string, call: Call): Promise<void> {
    const query = `uploadId=${encodeURIComponent(upload)}`;
    try {
      await this.wire.send({ method: 'DELETE', name, query, expect: [200, 204] }, call, readBody);
    } catch (error) {
      if (!hasCode(error, 'NoSuchUpload', ...missing)) throw error;
    }
  }
}
