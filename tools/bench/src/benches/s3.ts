// Records as objects of S3, beside what a careful user writes by hand with the same client. There are a thousand: a request costs so
// much that more would change nothing but the time that it takes.
import { randomBytes } from 'node:crypto';
import type { RecordStore } from '@storage/core';
import { createS3 } from '@storage/s3';
import { leaseService } from '@storage/services';
import { Client } from 'minio';
import { openRawS3, type RawS3 } from '../../raw/s3.ts';
import { type dataOf, itemsFrom, makeKey, makeValue, scattered } from '../dataset.ts';
import { byCallers } from '../sides.ts';
import { type Bench, defineSuite, type Opened, type Suite } from '../suite.ts';
import { assertStored } from './sqlite.ts';

const records = 1000;
/** Each user has 20 of the records. */
const users = records / 20;
const batch = 200;
const page = 100;

interface Fixture extends Opened {
  readonly raw: RawS3;
  readonly ours: RecordStore;
}

async function open(): Promise<Fixture> {
  const service = await leaseService('minio');
  if (service.how === 'absent') throw new Error(`MinIO is absent here: ${service.why}`);
  const { url } = service;
  const { host, hostname, port, username, password } = new URL(url);
  const bucketName = `storage-bench-${randomBytes(6).toString('hex')}`;
  const backend = createS3({
    bucketName,
    endpoint: `http://${host}`,
    accessKeyId: username,
    secretAccessKey: password,
    prefix: 'ours',
  });
  await backend.open();
  const raw = openRawS3(url, bucketName, 'raw/');
  const items = Array.from({ length: records }, (_, index) => ({ key: makeKey(index), data: makeValue(index, users) }));
  await raw.setMany(items);
  assertStored(await backend.records.storeMany(items));
  return {
    raw,
    ours: backend.records,
    async close() {
      raw.close();
      await backend.close();
      const options = {
        endPoint: hostname,
        port: Number(port),
        useSSL: false,
        accessKey: username,
        secretKey: password,
      };
      const client = new Client({ ...options, region: 'us-east-1' });
      const names: string[] = [];
      for await (const { name } of client.listObjectsV2(bucketName, '', true)) if (name) names.push(name);
      await client.removeObjects(bucketName, names);
      await client.removeBucket(bucketName);
      await service.release();
    },
  };
}

/** A key far from the one before. */
function keyAt(index: number): string {
  return makeKey(scattered(index, records));
}

function get(concurrency: number): Bench<Fixture> {
  return {
    name: 's3.get',
    concurrency,
    goal: 0.9,
    about: 'a record of 1 KB by its key',
    sides: ({ raw, ours }) => ({
      raw: byCallers(concurrency, (index) => raw.get(keyAt(index))),
      ours: byCallers(concurrency, (index) => ours.retrieve(keyAt(index))),
    }),
  };
}

function set(concurrency: number): Bench<Fixture> {
  return {
    name: 's3.set',
    concurrency,
    goal: 0.9,
    about: 'a record of 1 KB stored over another',
    sides: ({ raw, ours }) => ({
      raw: byCallers(concurrency, (index) => raw.set(keyAt(index), makeValue(scattered(index, records), users))),
      ours: byCallers(concurrency, (index) => ours.store(keyAt(index), makeValue(scattered(index, records), users))),
    }),
  };
}

function remove(concurrency: number): Bench<Fixture> {
  // Behind the records that the other benches read.
  const doomed = (index: number): string => `temporary-${index}`;
  return {
    name: 's3.delete',
    concurrency,
    goal: 0.9,
    about: 'a record of 1 KB deleted, and whether it was there',
    sides: ({ raw, ours }) => ({
      raw: {
        ...byCallers(concurrency, (index) => raw.delete(doomed(index))),
        prepare: async (from, count) => {
          await raw.setMany(itemsFrom(from, count, doomed));
        },
      },
      ours: {
        ...byCallers(concurrency, (index) => ours.delete(doomed(index))),
        prepare: async (from, count) => assertStored(await ours.storeMany(itemsFrom(from, count, doomed))),
      },
    }),
  };
}

const getMany: Bench<Fixture> = {
  name: 's3.getMany',
  concurrency: 1,
  goal: 0.9,
  about: `${batch} records of 1 KB by their keys; an operation is the whole batch`,
  sides: ({ raw, ours }) => {
    const keysFrom = (index: number): string[] =>
      Array.from({ length: batch }, (_, offset) => keyAt(index * batch + offset));
    return {
      raw: byCallers(1, (index) => raw.getMany(keysFrom(index))),
      ours: byCallers(1, (index) => ours.retrieveMany(keysFrom(index))),
    };
  },
};

const setMany: Bench<Fixture> = {
  name: 's3.setMany',
  concurrency: 1,
  goal: 0.9,
  about: `${batch} records of 1 KB stored over others; an operation is the whole batch`,
  sides: ({ raw, ours }) => {
    const itemsAt = (index: number): { readonly key: string; readonly data: ReturnType<typeof dataOf> }[] =>
      Array.from({ length: batch }, (_, offset) => {
        const place = (index * batch + offset) % records;
        return { key: makeKey(place), data: makeValue(place, users) };
      });
    return {
      raw: byCallers(1, (index) => raw.setMany(itemsAt(index))),
      ours: byCallers(1, async (index) => assertStored(await ours.storeMany(itemsAt(index)))),
    };
  },
};

const pageAt: Bench<Fixture> = {
  name: 's3.page',
  concurrency: 1,
  goal: 0.85,
  about: `${page} whole records behind 500 others`,
  async sides({ raw, ours }) {
    const { cursor } = await ours.query({ limit: 500 });
    const after = makeKey(499);
    const [mine, theirs] = [await ours.query({ limit: page, cursor }), await raw.page(after)];
    if (mine.items.length !== page || mine.items[0]?.key !== theirs.items[0]?.key)
      throw new Error('The two sides do not read the same page.');
    return {
      raw: byCallers(1, () => raw.page(after)),
      ours: byCallers(1, () => ours.query({ limit: page, cursor })),
    };
  },
};

const filter: Bench<Fixture> = {
  name: 's3.filter',
  concurrency: 1,
  goal: 0.85,
  about: '20 of 1,000 records by a field; both sides read them all',
  async sides({ raw, ours }) {
    const userOf = (index: number): string => `user-${scattered(index, users)}`;
    const query = (index: number): ReturnType<RecordStore['query']> =>
      ours.query({ filter: { 'data.user': userOf(index) } });
    if ((await query(0)).items.length !== 20 || (await raw.filter(userOf(0))).items.length !== 20)
      throw new Error('The two sides do not find the 20 records of a user.');
    return { raw: byCallers(1, (index) => raw.filter(userOf(index))), ours: byCallers(1, query) };
  },
};

export const s3Suite: Suite = defineSuite(open, [
  get(1),
  get(64),
  set(1),
  set(64),
  remove(1),
  remove(64),
  getMany,
  setMany,
  pageAt,
  filter,
]);
