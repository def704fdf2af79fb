import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import { Client } from 'minio';
import mongoose from 'mongoose';
import { leaseService, type OwnService, type ServiceName, startOwn, urlVariable } from '../src/index.ts';
import { onOwnService } from '../src/testing.ts';
import { withEnv } from './support.ts';

/** One of these writes and reads a value by the server's usual client. */
interface Kind {
  write(url: string, key: string): Promise<void>;
  read(url: string, key: string): Promise<string | undefined>;
  /** The URL with credentials that are not let in; `undefined` where nobody is asked for any. */
  forged(url: string): string | undefined;
}

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

const kinds = { minio: s3Kind, seaweedfs: s3Kind, mongo: mongoKind, 'mongo-streams': mongoKind } as const;

async function expectByUrl(own: OwnService, { forged }: Kind): Promise<void> {
  const variable = urlVariable(own.name);
  const given = await withEnv({ [variable]: own.url }, () => leaseService(own.name));
  expect(given).toMatchObject({ how: 'url', url: own.url, nodes: [new URL(own.url).host] });
  const wrong = forged(own.url);
  if (wrong === undefined) return;
  const refused = withEnv({ [variable]: wrong }, () => leaseService(own.name));
  await expect(refused).rejects.toThrow(variable);
  await expect(refused).rejects.not.toThrow('forged-secret');
}

for (const [name, kind] of Object.entries(kinds) as [ServiceName, Kind][]) {
  await onOwnService(name, () => {
    test(`${name} keeps its data over a kill and a stop, and can be had by its URL`, async () => {
      await using own = await startOwn(name, { durable: true });
      await kind.write(own.url, 'before-kill');
      await own.kill();
      await own.start();
      expect(await kind.read(own.url, 'before-kill')).toBe('value of before-kill');
      await kind.write(own.url, 'before-stop');
      await own.stop();
      await own.start();
      expect(await kind.read(own.url, 'before-stop')).toBe('value of before-stop');
      await expectByUrl(own, kind);
    }, 120_000);
  });
}

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
