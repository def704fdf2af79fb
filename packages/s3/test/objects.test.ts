import { afterAll, describe, expect, it } from '@jest/globals';
import { createProxy, type Service } from '@storage/services';
import { onService } from '@storage/services/testing';
import { presignedUrls, type S3Backend, type S3Condition } from '../src/index.ts';
import { TestBucket } from './bucket.ts';

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function testObjects(service: Service, conditional: readonly S3Condition[]): void {
  const bucket = new TestBucket(service.url);
  const { client, name: bucketName } = bucket;
  afterAll(() => bucket.remove());

  async function opened(options: Parameters<TestBucket['create']>[0] = {}): Promise<S3Backend> {
    const backend = bucket.create({ conditional, ...options });
    await backend.open();
    return backend;
  }

  describe(`objects on ${service.server}`, () => {
    it('keeps a record under its key, as what other tools can read', async () => {
      await using s3 = await opened();
      const folder = bucket.prefixOf(s3);
      const metadata = { author: 'Ada Lovelace', event_type: 'login', title: 'Zoë', pages: 3 };
      await s3.records.store('datasets/training_data_v1.json', { rows: [1, 'é'] }, { metadata });
      await s3.records.store('logo.png', Uint8Array.of(137, 80), { contentType: 'image/png' });
      const object = await client.getObject(bucketName, `${folder}/datasets/training_data_v1.json`);
      expect(JSON.parse(await textOf(object))).toEqual({ rows: [1, 'é'] });
      const { metaData } = await client.statObject(bucketName, `${folder}/datasets/training_data_v1.json`);
      expect(metaData).toMatchObject({ 'content-type': 'application/json', author: 'Ada Lovelace' });
      const encoded = Buffer.from(metaData['storage-json'], 'base64').toString('utf8');
      expect(JSON.parse(encoded)).toEqual({ event_type: 'login', title: 'Zoë', pages: 3 });
      expect((await s3.records.retrieve('datasets/training_data_v1.json'))?.metadata).toEqual(metadata);
      const logo = await client.statObject(bucketName, `${folder}/logo.png`);
      expect([logo.size, logo.metaData['content-type']]).toEqual([2, 'image/png']);
    });

    it('reads, changes and deletes what other tools put there', async () => {
      await using s3 = await opened();
      const folder = bucket.prefixOf(s3);
      const put = (name: string, body: string, headers: Record<string, string>): Promise<unknown> =>
        client.putObject(bucketName, `${folder}/${name}`, body, body.length, headers);
      await put('report.json', '{"total": 5}', { 'Content-Type': 'application/json; charset=utf-8', owner: 'bob' });
      await put('notes/a.txt', 'plain', { 'Content-Type': 'text/plain', 'Cache-Control': 'max-age=60' });
      const report = await s3.records.retrieve('report.json');
      expect([report?.kind, report?.data, report?.metadata]).toEqual(['json', { total: 5 }, { owner: 'bob' }]);
      const note = await s3.records.retrieve('notes/a.txt');
      expect([note?.kind, note?.contentType]).toEqual(['bytes', 'text/plain']);
      expect(Buffer.from(note?.data as never).toString()).toBe('plain');
      expect((await s3.records.list()).items.map(({ key }) => key)).toEqual(['notes/a.txt', 'report.json']);
      expect(await s3.records.count({ filter: { 'data.total': 5 } })).toBe(1);

      // An expiry is added; bytes, etag and the headers of others stay.
      expect(await s3.records.touch('notes/a.txt', { ttlMs: 60_000 })).toBe(true);
      const touched = await s3.records.retrieve('notes/a.txt');
      expect([touched?.etag, touched?.updatedAt, touched?.data]).toEqual([note?.etag, note?.updatedAt, note?.data]);
      const { metaData } = await client.statObject(bucketName, `${folder}/notes/a.txt`);
      expect(metaData['cache-control']).toBe('max-age=60');

      const stored = await s3.records.store('report.json', { total: 6 }, { ifMatch: report?.etag });
      await expect(s3.records.store('report.json', 7, { ifMatch: report?.etag })).rejects.toMatchObject({
        code: 'conflict',
      });
      expect((await s3.records.retrieve('report.json'))?.etag).toBe(stored.etag);
      expect(await s3.records.delete('notes/a.txt')).toBe(true);
      expect(await bucket.objects(`${folder}/`)).toEqual([`${folder}/report.json`]);
    });

    it('says that what claims to be JSON is not', async () => {
      await using s3 = await opened();
      const name = `${bucket.prefixOf(s3)}/broken.json`;
      await client.putObject(bucketName, name, '{', 1, { 'Content-Type': 'application/json' });
      await expect(s3.records.retrieve('broken.json')).rejects.toMatchObject({ code: 'corrupt', key: 'broken.json' });
      expect((await s3.records.retrieveText('broken.json'))?.data).toBe('{');
    });

    it('refuses keys that are no paths in the plain layout, and names the other one', async () => {
      await using s3 = await opened();
      const bad = ['../a', 'a/../b', './a', 'a//b', '/a', 'a/', 'a\\b', 'a\r\nb', '-a', `${'x'.repeat(256)}`];
      for (const key of bad) {
        const refusal = { code: 'invalid_argument', message: expect.stringContaining("layout 'safe'") };
        await expect(s3.records.store(key, 1)).rejects.toMatchObject(refusal);
        await expect(s3.records.retrieve(key)).rejects.toMatchObject(refusal);
      }
      for (const key of ['a b', 'ä/ö', '｡', 'e\u0301', 'é', '%2e%2e', 'a+b&c=d?#', "o'clock", '...', 'a/.b'])
        await s3.records.store(key, key);
      for (const key of ['ä/ö', '｡', 'e\u0301', 'é', '%2e%2e', 'a+b&c=d?#'])
        expect((await s3.records.retrieve(key))?.data).toBe(key);
      expect((await s3.records.list()).items).toHaveLength(10);
    });

    it('refuses a name over 1,024 bytes and says of what it is made', async () => {
      await using s3 = await opened({ layout: 'safe', prefix: `long/${'p'.repeat(200)}` });
      const deep = s3.records.namespace('n'.repeat(96));
      await expect(deep.store('k'.repeat(512), 1)).rejects.toMatchObject({
        code: 'too_large',
        applied: 'no',
        details: { limit: 1024 },
      });
    });

    it('keeps metadata of every shape up to its limit', async () => {
      await using s3 = await opened();
      const limit = s3.capabilities.records.maxMetadataBytes;
      const short = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`k${index}`, 'v']));
      const spaces = { a: ' two  spaces ', b: 'line\r\nx-amz-meta-evil: 1', storage: 'own', 'storage-json': 'x' };
      for (const metadata of [short, spaces, { long: 'é'.repeat((limit - 11) / 2) }]) {
        expect(JSON.stringify(metadata).length).toBeLessThanOrEqual(limit);
        await s3.records.store('k', 1, { metadata });
        expect((await s3.records.retrieve('k'))?.metadata).toEqual(metadata);
      }
    });

    it('streams parts, and leaves none behind when it fails', async () => {
      const partBytes = 5 * 1024 * 1024;
      await using s3 = await opened({ partBytes });
      const name = `${bucket.prefixOf(s3)}/large`;
      const whole = Buffer.alloc(partBytes * 2 + 1000, 'storage of agents ');
      async function* source(fails: boolean): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < whole.length; at += 1_000_000) {
          if (fails && at > partBytes) throw new Error('the source is gone');
          yield whole.subarray(at, at + 1_000_000);
        }
      }
      const uploads = async (): Promise<string[]> => {
        const found: string[] = [];
        for await (const { key } of client.listIncompleteUploads(bucketName, name, true)) found.push(key);
        return found;
      };
      await expect(s3.records.storeStream('large', source(true))).rejects.toMatchObject({ applied: 'no' });
      expect([await uploads(), await s3.records.exists('large')]).toEqual([[], false]);

      const info = await s3.records.storeStream('large', source(false), { metadata: { m: 1 }, ttlMs: 60_000 });
      expect(info.size).toBe(whole.length);
      const stat = await client.statObject(bucketName, name);
      expect([stat.size, stat.etag.endsWith('-3')]).toEqual([whole.length, true]);
      const record = await s3.records.retrieveStream('large', { range: { offset: partBytes - 5, length: partBytes } });
      const read: Uint8Array[] = [];
      for await (const chunk of record?.data ?? []) read.push(chunk);
      expect(Buffer.concat(read).equals(whole.subarray(partBytes - 5, 2 * partBytes - 5))).toBe(true);

      // One that is too large to be read and sent again is copied by the server.
      expect(await s3.records.touch('large', { ttlMs: null })).toBe(true);
      const touched = await s3.records.retrieve<Uint8Array>('large');
      expect([touched?.etag, touched?.metadata, touched?.expiresAt]).toEqual([info.etag, { m: 1 }, undefined]);
      expect(whole.equals(touched?.data ?? Buffer.alloc(0))).toBe(true);
      expect(await uploads()).toEqual([]);
    });

    it('asks a source for no more than two parts while the server takes none', async () => {
      const { hostname, port } = new URL(service.url);
      await using proxy = await createProxy({ host: hostname, port: Number(port) });
      const url = new URL(service.url);
      url.port = String(proxy.port);
      const partBytes = 5 * 1024 * 1024;
      await using s3 = bucket.create({ conditional, partBytes }, url.href);
      await s3.open();
      let handedOut = 0;
      async function* source(): AsyncGenerator<Uint8Array> {
        const chunk = new Uint8Array(1024 * 1024);
        for (let index = 0; index < 30; index++) {
          if (index === 1) proxy.stall();
          handedOut += chunk.length;
          yield chunk;
        }
      }
      const writing = s3.records.storeStream('large', source());
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(handedOut).toBe(2 * partBytes);
      proxy.resume();
      expect((await writing).size).toBe(30 * 1024 * 1024);
    });

    it('signs URLs to read and write one object by', async () => {
      await using s3 = await opened();
      const urls = s3.facet(presignedUrls);
      expect(urls).toBe(s3.presignedUrls);
      await s3.records.store('a b/ü.json', { a: 1 });
      const response = await fetch(await s3.presignedUrls.get('a b/ü.json', { downloadAs: 'my "file".json' }));
      expect([response.status, await response.json()]).toEqual([200, { a: 1 }]);
      expect(response.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''my%20%22file%22.json");

      const put = await s3.presignedUrls.put('upload.json', { expiresInSeconds: 60 });
      const body = JSON.stringify({ uploaded: true });
      const answer = await fetch(put, { method: 'PUT', body, headers: { 'content-type': 'application/json' } });
      expect(answer.status).toBe(200);
      expect((await s3.records.retrieve('upload.json'))?.data).toEqual({ uploaded: true });

      const inner = s3.records.namespace('n/1');
      await inner.store('k', 'inside');
      expect(await (await fetch(await s3.presignedUrls.get('k', { namespace: ['n/1'] }))).json()).toBe('inside');
      const other = (await s3.presignedUrls.get('upload.json')).replace('upload.json', 'a%20b/%C3%BC.json');
      expect((await fetch(other)).status).toBe(403);
      const brief = await s3.presignedUrls.get('upload.json', { expiresInSeconds: 1 });
      await new Promise((resolve) => setTimeout(resolve, 2100));
      expect((await fetch(brief)).status).toBe(403);
      await expect(s3.presignedUrls.get('k', { expiresInSeconds: 0 })).rejects.toMatchObject({
        code: 'invalid_argument',
        details: { path: 'expiresInSeconds' },
      });
    });

    it('sweeps what is expired, and nothing else', async () => {
      let now = Date.now();
      await using s3 = await opened({ sweep: true, clock: () => now });
      const folder = bucket.prefixOf(s3);
      await s3.records.store('ends', 1, { ttlMs: 1000 });
      await s3.records.store('stays', 1);
      await s3.records.store('later', 1, { ttlMs: 600_000 });
      now += 70_000;
      await s3.records.store('trigger', 1, { ttlMs: 600_000 });
      const expected = ['later', 'stays', 'trigger'].map((key) => `${folder}/${key}`);
      for (let attempt = 0; attempt < 100; attempt++) {
        if ((await bucket.objects(`${folder}/`)).length === 3) break;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(await bucket.objects(`${folder}/`)).toEqual(expected);
      expect((await s3.health()).status).toBe('healthy');
    });
  });
}

await onService('minio', (service) => testObjects(service, ['write', 'stream']));
await onService('seaweedfs', (service) => testObjects(service, ['write', 'delete']));
