import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import { Client } from 'minio';
import mongoose from 'mongoose';
import { startOwn } from '../src/index.ts';
import { onOwnService } from '../src/testing.ts';
import { type Kind, testKeeping } from './keeping.ts';

const bucket = 'restarts';

function s3(url: string): Client {
  const { hostname, port, username, password } = new URL(url);
  const access = { accessKey: username, secretKey: password, region: 'us-east-1' };
  return new Client({ endPoint: hostname, port: Number(port), useSSL: false, ...access });
}

const s3Kind: Kind = {
  async write(url, key) {
    if (!(await s3(url).bucketExists(bucket))) await s3(url).makeBucket(bucket);
    await s3(url).putObject(bucket, key, `value of ${key}`);
  },
  read: async (url, key) => await text(await s3(url).getObject(bucket, key)),
  forged(url) {
    const forged = new URL(url);
    forged.password = 'forged-secret';
    return forged.href;
  },
};

type Documents = mongoose.mongo.Collection<{ _id: string; value: string }>;

async function withMongo<Result>(url: string, body: (documents: Documents) => Promise<Result>): Promise<Result> {
  const client = new mongoose.mongo.MongoClient(url, { serverSelectionTimeoutMS: 10_000 });
  try {
    return await body(client.db('restarts').collection('documents'));
  } finally {
    await client.close();
  }
}

const mongoKind: Kind = {
  write: (url, key) =>
    withMongo(url, async (documents) => {
      await documents.insertOne({ _id: key, value: `value of ${key}` });
    }),
  read: (url, key) => withMongo(url, async (documents) => (await documents.findOne({ _id: key }))?.value),
  forged: () => undefined,
};

await testKeeping({ minio: s3Kind, seaweedfs: s3Kind, mongo: mongoKind, 'mongo-streams': mongoKind });

await onOwnService('mongo-streams', () => {
  test('mongo-streams tells of changes', async () => {
    await using own = await startOwn('mongo-streams');
    await withMongo(own.url, async (documents) => {
      await using changes = documents.watch();
      const first = changes.next();
      // The stream begins with its first request, of which nobody tells: written until it has seen one.
      let seen = false;
      const see = (): void => {
        seen = true;
      };
      first.then(see, see);
      for (let count = 0; !seen; count++) await documents.insertOne({ _id: `${count}`, value: 'x' });
      expect(await first).toMatchObject({ operationType: 'insert', fullDocument: { value: 'x' } });
    });
  }, 60_000);
});
