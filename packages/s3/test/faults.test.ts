import { afterAll, describe, expect, it } from '@jest/globals';
import { checkLedger, runLedger } from '@storage/faults';
import { createProxy, type Service, startOwn } from '@storage/services';
import { onOwnService, onService } from '@storage/services/testing';
import { Client } from 'minio';
import { createS3, type S3Options } from '../src/index.ts';
import { optionsOf, TestBucket } from './bucket.ts';

/** What a server in trouble answers beside silence. */
const codes = ['rate_limited'];
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

function testProxyFaults(service: Service): void {
  const bucket = new TestBucket(service.url);
  const { hostname, port } = new URL(service.url);
  const url = new URL(service.url);
  afterAll(() => bucket.remove());

  describe(`faults on the way to ${service.server}`, () => {
    it('keeps what it promised while connections are cut, stalled and answered with garbage', async () => {
      await using proxy = await createProxy({ host: hostname, port: Number(port) });
      url.port = String(proxy.port);
      await using s3 = bucket.create({ conditional: ['write'] }, url.href);
      await s3.open();
      const run = runLedger({ records: s3.records, writers: 16, deleteReports: false, codes, timeoutMs: 3000 });
      for (let round = 0; round < 5; round++) {
        await run.acknowledged(20, 30_000);
        for (const fault of ['before-request', 'after-request', 'garbage'] as const)
          for (let count = 0; count < 4; count++) proxy.onNext(fault);
        await run.acknowledged(20, 30_000);
        await proxy.cut();
        await new Promise((resolve) => setTimeout(resolve, 100));
        await proxy.restore();
        await run.acknowledged(20, 30_000);
        proxy.stall();
        await new Promise((resolve) => setTimeout(resolve, 200));
        proxy.resume();
      }
      await run.acknowledged(20, 30_000);
      await run.stop();
      const direct = bucket.reopen(s3, { conditional: ['write'] });
      await using reader = direct;
      await reader.open();
      const report = await checkLedger(run.ledger, reader.records);
      expect(report.violations).toEqual([]);
      expect(proxy.struck).toBeGreaterThan(30);
      await s3.close();
      for (let attempt = 0; attempt < 40 && proxy.connections > 0; attempt++)
        await new Promise((resolve) => setTimeout(resolve, 50));
      expect(proxy.connections).toBe(0);
    }, 120_000);

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
    it('keeps every acknowledged write over ten kills under 32 writers, and recovers by itself', async () => {
      await using own = await startOwn('minio', { durable: true });
      const options: S3Options = { bucketName: 'killed', ...optionsOf(own.url), prefix: 'ledger' };
      await using s3 = createS3(options);
      await s3.open();
      const run = runLedger({ records: s3.records, writers: 32, deleteReports: false, codes, timeoutMs: 5000 });
      const uploads: Promise<unknown>[] = [];
      for (let round = 0; round < 10; round++) {
        await run.acknowledged(30, 60_000);
        uploads.push(
          s3.records.storeStream(`stream${round}`, megabytes(20), { timeoutMs: 20_000 }).catch((error) => error),
        );
        await own.kill();
        await own.start();
      }
      await run.acknowledged(30, 60_000);
      await run.stop();
      await Promise.all(uploads);
      // What could not be aborted while the server was down is aborted behind the next upload.
      await s3.records.storeStream('last', megabytes(20));
      await using fresh = createS3(options);
      await fresh.open();
      const report = await checkLedger(run.ledger, fresh.records);
      expect(report.violations).toEqual([]);
      expect(report.acknowledged).toBeGreaterThanOrEqual(330);
      const { hostname, port, username, password } = new URL(own.url);
      const keys = { accessKey: username, secretKey: password, region: 'us-east-1' };
      const client = new Client({ endPoint: hostname, port: Number(port), useSSL: false, ...keys });
      const names = Array.from({ length: 10 }, (_, round) => `ledger/stream${round}`);
      expect(await leftovers(client, 'killed', names)).toEqual([]);
    }, 300_000);
  });
});
