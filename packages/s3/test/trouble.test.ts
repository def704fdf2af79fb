import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from '@jest/globals';
import { isStorageError, type StorageError } from '@storage/core';
import { createProxy, type Service } from '@storage/services';
import { onService } from '@storage/services/testing';
import { createS3, type S3Options } from '../src/index.ts';
import { optionsOf, TestBucket } from './bucket.ts';

const secret = 'a-secret-that-nobody-may-see';

/** How `open` fails with these options. No message ever holds a secret. */
async function failure(options: S3Options): Promise<StorageError> {
  await using s3 = createS3(options);
  const error = await s3.open({ timeoutMs: 10_000 }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isStorageError(error)) throw new Error(`open did not fail as it should: ${String(error)}`);
  const shown = `${error.message} ${JSON.stringify(error)}`;
  for (const hidden of [options.secretAccessKey, options.sessionToken]) if (hidden) expect(shown).not.toContain(hidden);
  expect(error.operation).toBe('open');
  return error;
}

function testTrouble(service: Service): void {
  const bucket = new TestBucket(service.url);
  const good: S3Options = { bucketName: bucket.name, ...optionsOf(service.url), conditional: ['write'] };
  afterAll(() => bucket.remove());

  describe(`trouble with ${service.server}`, () => {
    it('names the wrong key', async () => {
      await using s3 = createS3(good);
      await s3.open();
      expect(await failure({ ...good, accessKeyId: 'nobody-at-all' })).toMatchObject({
        code: 'unauthenticated',
        message: expect.stringContaining('accessKeyId'),
        retryable: false,
      });
      expect(await failure({ ...good, secretAccessKey: secret })).toMatchObject({
        code: 'unauthenticated',
        message: expect.stringContaining('secretAccessKey'),
      });
      const anonymous = await failure({ bucketName: bucket.name, endpoint: good.endpoint });
      expect(anonymous).toMatchObject({ code: 'permission_denied', message: expect.stringContaining('accessKeyId') });
    });

    it('says that the bucket is missing, and makes it only where it may', async () => {
      const bucketName = `${bucket.name}-other`;
      expect(await failure({ ...good, bucketName, autoCreate: false })).toMatchObject({
        code: 'not_found',
        message: expect.stringContaining('autoCreate'),
      });
      expect(await bucket.client.bucketExists(bucketName)).toBe(false);
      await using s3 = createS3({ ...good, bucketName });
      await s3.open();
      expect(await bucket.client.bucketExists(bucketName)).toBe(true);
      await bucket.client.removeBucket(bucketName);
      // A bucket that is gone is no miss.
      await expect(s3.records.retrieve('k')).rejects.toMatchObject({ code: 'not_found' });
      await expect(s3.records.store('k', 1)).rejects.toMatchObject({ code: 'not_found', applied: 'no' });
      await expect(s3.records.exists('k')).rejects.toMatchObject({ code: 'not_found' });
      await expect(s3.records.delete('k')).rejects.toMatchObject({ code: 'not_found', applied: 'no' });
      await expect(s3.records.list()).rejects.toMatchObject({ code: 'not_found' });
      expect((await s3.health()).status).toBe('unhealthy');
    });

    it('names the wrong host, and what is no S3 server', async () => {
      const listener = createServer((socket) => socket.resume().end('+OK not what you look for\r\n')).listen(
        0,
        '127.0.0.1',
      );
      await new Promise((resolve) => listener.once('listening', resolve));
      const { port } = listener.address() as { readonly port: number };
      try {
        const other = await failure({ ...good, endpoint: `http://127.0.0.1:${port}` });
        expect(other).toMatchObject({ code: 'unavailable', message: expect.stringContaining('endpoint') });
        const plain = await failure({ ...good, endpoint: new URL(service.url).host, secure: true });
        expect(plain).toMatchObject({ code: 'unavailable', message: expect.stringContaining('secure') });
      } finally {
        await new Promise((resolve) => listener.close(resolve));
      }
      const closed = await failure({ ...good, endpoint: `http://127.0.0.1:${port}` });
      expect(closed).toMatchObject({
        code: 'unavailable',
        retryable: true,
        message: expect.stringContaining('address'),
      });
    });

    it('refuses to promise conditions that the server ignores', async () => {
      const claimed = service.name === 'minio' ? 'delete' : 'stream';
      const error = await failure({ ...good, prefix: 'claims', conditional: ['write', claimed] });
      expect(error).toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining(`conditional: ['write']`),
        details: { option: 'conditional', condition: claimed },
      });
      expect(await bucket.objects('claims/')).toEqual([]);
    });

    it('does without conditions where they are not to be had', async () => {
      await using s3 = createS3({ ...good, prefix: 'none', conditional: [] });
      await s3.open();
      expect(s3.capabilities.records.conditional).toBe('none');
      expect((await s3.records.store('k', 1)).etag).toBe('');
      await expect(s3.records.store('k', 1, { ifAbsent: true })).rejects.toMatchObject({ code: 'unsupported' });
      expect(await s3.records.touch('k', { ttlMs: 60_000 })).toBe(true);
      expect((await s3.records.retrieve('k'))?.data).toBe(1);
    });

    it('knows a write of its own whose answer was lost', async () => {
      const { hostname, port } = new URL(service.url);
      await using proxy = await createProxy({ host: hostname, port: Number(port) });
      await using s3 = createS3({ ...good, endpoint: `http://127.0.0.1:${proxy.port}`, prefix: 'lost' });
      await s3.open();
      for (const fault of ['before-request', 'after-request'] as const) {
        proxy.onNext(fault, 'PUT ');
        const made = await s3.records.store(`${fault}-absent`, 1, { ifAbsent: true });
        expect((await s3.records.retrieve(`${fault}-absent`))?.etag).toBe(made.etag);
        proxy.onNext(fault, 'PUT ');
        const changed = await s3.records.store(`${fault}-absent`, 2, { ifMatch: made.etag });
        expect((await s3.records.retrieve(`${fault}-absent`))?.etag).toBe(changed.etag);
        proxy.onNext(fault, 'GET ');
        expect((await s3.records.retrieve(`${fault}-absent`))?.data).toBe(2);
        proxy.onNext(fault, 'DELETE ');
        expect(await s3.records.delete(`${fault}-absent`)).toBe(true);
      }
      expect(proxy.struck).toBe(8);
      proxy.onNext('garbage', 'GET ');
      await expect(s3.records.retrieve('k')).rejects.toMatchObject({ code: 'unavailable' });
      expect(await s3.records.retrieve('k')).toBeUndefined();
    });

    it('ends at the deadline when the server says nothing, and goes on when it does', async () => {
      const { hostname, port } = new URL(service.url);
      await using proxy = await createProxy({ host: hostname, port: Number(port) });
      await using s3 = createS3({ ...good, endpoint: `http://127.0.0.1:${proxy.port}`, prefix: 'stalled' });
      await s3.open();
      await s3.records.store('k', 1);
      proxy.stall();
      const startedAt = performance.now();
      const calls = [
        s3.records.retrieve('k', { timeoutMs: 200 }),
        s3.records.store('k', 2, { timeoutMs: 200 }),
        s3.records.list({ timeoutMs: 200 }),
        s3.records.query({ filter: { 'data.a': 1 } }, { timeoutMs: 200 }),
        s3.records.deleteMany(['k'], { timeoutMs: 200 }),
        s3.records.touch('k', { ttlMs: null, timeoutMs: 200 }),
      ];
      for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'timeout', retryable: true });
      expect(performance.now() - startedAt).toBeLessThan(2000);
      // The sockets of calls that ended are closed, not kept for nothing.
      for (let attempt = 0; attempt < 40 && proxy.connections > 0; attempt++)
        await new Promise((resolve) => setTimeout(resolve, 50));
      proxy.resume();
      expect([1, 2]).toContain((await s3.records.retrieve('k', { timeoutMs: 5000 }))?.data);
    });

    it('reads for who may not write, and says what is missing', async () => {
      await using owner = createS3({ ...good, prefix: 'public' });
      await owner.open();
      await owner.records.store('k', 1);
      const grant = (Action: string[], Resource: string): object => ({
        Effect: 'Allow',
        Principal: { AWS: ['*'] },
        Action,
        Resource: [Resource],
      });
      const Statement = [
        grant(['s3:ListBucket'], `arn:aws:s3:::${bucket.name}`),
        grant(['s3:GetObject'], `arn:aws:s3:::${bucket.name}/*`),
      ];
      await bucket.client.setBucketPolicy(bucket.name, JSON.stringify({ Version: '2012-10-17', Statement }));
      await using reader = createS3({ bucketName: bucket.name, endpoint: good.endpoint, prefix: 'public' });
      await reader.open();
      expect((await reader.records.retrieve('k'))?.data).toBe(1);
      expect((await reader.records.list()).items).toHaveLength(1);
      const denied = { code: 'permission_denied', applied: 'no', message: expect.stringContaining('policy') };
      await expect(reader.records.store('k', 2)).rejects.toMatchObject(denied);
      await expect(reader.records.delete('k')).rejects.toMatchObject(denied);
      await expect(reader.records.storeStream('k', Readable.from([Buffer.from('x')]))).rejects.toMatchObject(denied);
      const [outcome] = await reader.records.storeMany([{ key: 'k', data: 2 }]);
      expect(outcome).toMatchObject({ ok: false, error: denied });
      expect((await owner.records.retrieve('k'))?.data).toBe(1);
      await bucket.client.setBucketPolicy(bucket.name, '');
    });

    it('gives the bucket rules for what expires, beside those of others', async () => {
      await using plain = createS3(good);
      await plain.open();
      const theirs = { ID: 'theirs', Status: 'Enabled', Filter: { Prefix: 'logs/' }, Expiration: { Days: 30 } };
      await bucket.client.setBucketLifecycle(bucket.name, { Rule: [theirs] } as never);
      for (let round = 0; round < 2; round++) {
        await using s3 = createS3({ ...good, prefix: 'rules', lifecycle: [7, 1] });
        await s3.open();
        await s3.records.store('day', 1, { ttlMs: 3_600_000 });
        await s3.records.store('week', 1, { ttlMs: 3 * 86_400_000 });
        await s3.records.store('longer', 1, { ttlMs: 8 * 86_400_000 });
        await s3.records.store('forever', 1);
        expect((await s3.records.retrieve('day'))?.data).toBe(1);
      }
      const found = (await bucket.client.getBucketLifecycle(bucket.name)) as {
        readonly Rule: readonly { ID: string }[];
      };
      // MinIO has no rule for uploads.
      const uploads = service.name === 'minio' ? [] : ['storage-rules.uploads'];
      expect(found.Rule.map(({ ID }) => ID).sort()).toEqual([
        'storage-rules.1',
        'storage-rules.7',
        ...uploads,
        'theirs',
      ]);
      const tagsOf = async (key: string): Promise<string> =>
        (await bucket.client.getObjectTagging(bucket.name, `rules/${key}`))
          .map(({ Key, Value }) => `${Key}=${Value}`)
          .join();
      expect([await tagsOf('day'), await tagsOf('week')]).toEqual(['storage-expires-days=1', 'storage-expires-days=7']);
      expect([await tagsOf('longer'), await tagsOf('forever')]).toEqual(['', '']);
    });

    it('opens one new bucket from many at once', async () => {
      for (let round = 0; round < 5; round++) {
        const bucketName = `${bucket.name}-${round}`;
        const all = Array.from({ length: 4 }, () => createS3({ ...good, bucketName }));
        await Promise.all(all.map((s3) => s3.open({ timeoutMs: 10_000 })));
        await Promise.all(all.map((s3) => s3.close()));
        await bucket.client.removeBucket(bucketName);
      }
    });
  });
}

await onService('minio', testTrouble);
await onService('seaweedfs', testTrouble);
