import { afterAll, describe, expect, it } from '@jest/globals';
import { type FaultSubject, killFaults, ownServer, proxyFaults } from '@storage/faults/testing';
import { createProxy, type Service } from '@storage/services';
import { onOwnService, onService } from '@storage/services/testing';
import type { Client } from 'minio';
import { createS3, type S3Backend, type S3Options } from '../src/index.ts';
import { clientOf, optionsOf, TestBucket } from './bucket.ts';

/** `rate_limited` is what a server in trouble answers beside silence. */
const load = { deleteReports: false, codes: ['rate_limited'], repeats: true } as const;
const mebibyte = 1024 * 1024;

/** Every upload that is neither complete nor aborted, of these names: MinIO lists them by their whole names alone. */
async function leftovers(client: Client, bucket: string, names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names)
    for await (const { key } of client.listIncompleteUploads(bucket, name, true)) found.push(key);
  return found;
}

async function* megabytes(count: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index++) yield new Uint8Array(mebibyte).fill(index);
}

function subjectIn(bucketName: string, options: Partial<S3Options> = {}): FaultSubject<S3Backend> {
  return {
    open: async (url, prefix) => {
      const s3 = createS3({ bucketName, ...optionsOf(url), prefix, ...options });
      await s3.open();
      return s3;
    },
  };
}

function testProxyFaults(service: Service): void {
  const bucket = new TestBucket(service.url);
  const { hostname, port } = new URL(service.url);
  const url = new URL(service.url);
  afterAll(() => bucket.remove());

  describe(`faults on the way to ${service.server}`, () => {
    proxyFaults(() => service, subjectIn(bucket.name, { conditional: ['write'] }), {
      ...load,
      writers: 16,
      writes: 20,
      withinMs: 30_000,
      timeoutMs: 3000,
      faults: (['before-request', 'after-request', 'garbage'] as const).flatMap((fault) => [
        fault,
        fault,
        fault,
        fault,
      ]),
      stallMs: 200,
      closedWithinMs: 2000,
    });

    it('leaves no upload behind when its connection fails', async () => {
      await using proxy = await createProxy({ host: hostname, port: Number(port) });
      url.port = String(proxy.port);
      await using s3 = bucket.create({ partBytes: 5 * mebibyte }, url.href);
      await s3.open();
      const name = `${bucket.prefixOf(s3)}/large`;
      // A part that is lost on the way is sent again.
      proxy.onNext('before-request', 'partNumber=2');
      expect((await s3.records.storeStream('large', megabytes(12))).size).toBe(12 * mebibyte);
      // An answer to the last step that is lost is found out.
      proxy.onNext('after-request', 'POST /');
      proxy.onNext('after-request', '<CompleteMultipartUpload>');
      const { etag } = await s3.records.storeStream('large', megabytes(12));
      expect((await s3.records.retrieveStream('large', { range: { offset: 0, length: 1 } }))?.etag).toBe(etag);
      // One that can't go on is aborted as soon as the server can be reached.
      async function* cutOff(): AsyncGenerator<Uint8Array> {
        yield* megabytes(7);
        await proxy.cut();
        yield* megabytes(7);
      }
      await expect(s3.records.storeStream('large', cutOff())).rejects.toMatchObject({ code: 'unavailable' });
      await proxy.restore();
      expect((await s3.records.storeStream('next', megabytes(11))).size).toBe(11 * mebibyte);
      expect((await s3.records.retrieve('large'))?.etag).toBe(etag);
      const names = [name, `${bucket.prefixOf(s3)}/next`];
      expect(await leftovers(bucket.client, bucket.name, names)).toEqual([]);
    }, 60_000);
  });
}

await onService('minio', testProxyFaults);

await onOwnService('minio', () => {
  describe("a MinIO of one's own that is killed", () => {
    const server = ownServer('minio');
    const bucket = 'killed';
    killFaults(server, subjectIn(bucket), {
      ...load,
      writes: 30,
      withinMs: 60_000,
      timeoutMs: 5000,
      limitMs: 300_000,
      duringKill: ({ records }, round) =>
        records.storeStream(`stream${round}`, megabytes(20), { timeoutMs: 20_000 }).catch((error: unknown) => error),
      afterKills: async ({ records }, prefix) => {
        // What could not be aborted while the server was down is aborted behind the next upload.
        await records.storeStream('last', megabytes(20));
        const names = Array.from({ length: 10 }, (_, round) => `${prefix}/stream${round}`);
        expect(await leftovers(clientOf(server().url), bucket, names)).toEqual([]);
      },
    });
  });
});
