// Records in PostgreSQL, over 10,000 records of 1 KB, and pages and filters over 50,000 with one declared field.
import { randomBytes } from 'node:crypto';
import { createPostgres, type PostgresBackend } from '@storage/postgres';
import { leaseService, type ServiceLease } from '@storage/services';
import { Client } from 'pg';
import { openRawPostgres, type RawPostgres } from '../../raw/postgres.ts';
import { dataOf, itemsFrom, keyAnywhere, keyInOrder, makeKey, makeValue, records, scattered } from '../dataset.ts';
import { byCallers } from '../sides.ts';
import { type Bench, defineSuite, type Opened, type Suite } from '../suite.ts';
import { assertStored } from './sqlite.ts';

const batch = 1000;
const poolSize = 10;

interface Fixture extends Opened {
  readonly raw: RawPostgres;
  readonly ours: PostgresBackend['records'];
}

async function leased(): Promise<ServiceLease> {
  const service = await leaseService('postgres');
  if (service.how === 'absent') throw new Error(`PostgreSQL is absent here: ${service.why}`);
  return service;
}

/** Runs a statement on a connection of its own. */
async function once(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

async function open(field: string | undefined, items: (from: number) => Item[], count: number): Promise<Fixture> {
  const service = await leased();
  const { url } = service;
  const name = `storage_bench_${randomBytes(6).toString('hex')}`;
  const raw = await openRawPostgres(url, `${name}_raw`, field, poolSize);
  const backend = createPostgres({
    url,
    schema: name,
    poolSize,
    ...(field !== undefined && { fields: [`data.${field}`] }),
  });
  await backend.open();
  for (let from = 0; from < count; from += batch) {
    await raw.setMany(items(from));
    assertStored(await backend.records.storeMany(items(from)));
  }
  await once(url, 'ANALYZE');
  return {
    raw,
    ours: backend.records,
    async close() {
      await raw.close();
      await backend.close();
      await once(url, `DROP SCHEMA "${name}" CASCADE`);
      await service.release();
    },
  };
}

type Item = { readonly key: string; readonly data: ReturnType<typeof dataOf> };

function get(concurrency: number, goal: number): Bench<Fixture> {
  return {
    name: 'postgres.get',
    concurrency,
    goal,
    about: 'a record of 1 KB by its key',
    sides: ({ raw, ours }) => ({
      raw: byCallers(concurrency, (index) => raw.get(keyAnywhere(index))),
      ours: byCallers(concurrency, (index) => ours.retrieve(keyAnywhere(index))),
    }),
  };
}

function set(concurrency: number, goal: number): Bench<Fixture> {
  return {
    name: 'postgres.set',
    concurrency,
    goal,
    about: 'a record of 1 KB stored over another, each key far from the one before',
    sides: ({ raw, ours }) => ({
      raw: byCallers(concurrency, (index) => raw.set(keyAnywhere(index), dataOf(index))),
      ours: byCallers(concurrency, (index) => ours.store(keyAnywhere(index), dataOf(index))),
    }),
  };
}

function remove(concurrency: number, goal: number): Bench<Fixture> {
  // Beside the records that the other benches read.
  const doomed = (index: number): string => `temporary-${index}`;
  const prepared = (store: (items: Item[]) => Promise<unknown>) => async (from: number, count: number) => {
    for (let at = 0; at < count; at += batch) await store(itemsFrom(from + at, Math.min(batch, count - at), doomed));
  };
  return {
    name: 'postgres.delete',
    concurrency,
    goal,
    about: 'a record of 1 KB deleted, and whether it was there',
    sides: ({ raw, ours }) => ({
      raw: {
        ...byCallers(concurrency, (index) => raw.delete(doomed(index))),
        prepare: prepared((items) => raw.setMany(items)),
      },
      ours: {
        ...byCallers(concurrency, (index) => ours.delete(doomed(index))),
        prepare: prepared(async (items) => assertStored(await ours.storeMany(items))),
      },
    }),
  };
}

const getMany: Bench<Fixture> = {
  name: 'postgres.getMany',
  concurrency: 1,
  goal: 0.9,
  about: `${batch} records of 1 KB by their keys; an operation is the whole batch`,
  sides: ({ raw, ours }) => {
    const keysFrom = (index: number): string[] =>
      Array.from({ length: batch }, (_, offset) => keyAnywhere(index * 131 + offset));
    return {
      raw: byCallers(1, (index) => raw.getMany(keysFrom(index))),
      ours: byCallers(1, (index) => ours.retrieveMany(keysFrom(index))),
    };
  },
};

const setMany: Bench<Fixture> = {
  name: 'postgres.setMany',
  concurrency: 1,
  goal: 0.9,
  about: `${batch} records of 1 KB stored over others; an operation is the whole batch`,
  sides: ({ raw, ours }) => ({
    raw: byCallers(1, (index) => raw.setMany(itemsFrom(index * batch, batch, keyInOrder))),
    ours: byCallers(1, async (index) =>
      assertStored(await ours.storeMany(itemsFrom(index * batch, batch, keyInOrder))),
    ),
  }),
};

export const postgresSuite: Suite = defineSuite(
  () => open(undefined, (from) => itemsFrom(from, batch, keyInOrder), records),
  [get(1, 0.95), get(64, 3.5), set(1, 0.9), set(64, 1.8), remove(1, 0.9), remove(64, 4), getMany, setMany],
);

const many = 50_000;
/** Each user has 20 of the records. */
const users = many / 20;
const page = 100;

function assertFull({ length }: readonly unknown[], expected: number): void {
  if (length !== expected) throw new Error(`${length} records were answered, not ${expected}.`);
}

/** Follows the pages until so many records lie behind, and answers where the next one begins. */
async function cursorBehind(ours: Fixture['ours'], depth: number): Promise<string | undefined> {
  let cursor: string | undefined;
  for (let behind = 0; behind < depth; behind += batch) ({ cursor } = await ours.query({ limit: batch, cursor }));
  return cursor;
}

function pageAt(place: string, depth: number): Bench<Fixture> {
  return {
    name: `postgres.page.${place}`,
    concurrency: 1,
    goal: 0.85,
    about: `${page} whole records behind ${depth.toLocaleString('en-US')} others, by key`,
    async sides({ raw, ours }) {
      const after = depth === 0 ? '' : makeKey(depth - 1);
      const cursor = await cursorBehind(ours, depth);
      const { items } = await ours.query({ limit: page, cursor });
      assertFull(items, page);
      const same = (await raw.page(after)).items;
      if (same[0]?.key !== items[0]?.key) throw new Error('The two sides do not read the same page.');
      return {
        raw: byCallers(1, () => raw.page(after)),
        ours: byCallers(1, () => ours.query({ limit: page, cursor })),
      };
    },
  };
}

function filter(concurrency: number): Bench<Fixture> {
  return {
    name: 'postgres.filter',
    concurrency,
    goal: 0.85,
    about: '20 of 50,000 records by a declared field',
    async sides({ raw, ours }) {
      const userOf = (index: number): string => `user-${scattered(index, users)}`;
      assertFull((await raw.filter(userOf(0))).items, 20);
      assertFull((await ours.query({ filter: { 'data.user': userOf(0) } })).items, 20);
      return {
        raw: byCallers(concurrency, (index) => raw.filter(userOf(index))),
        ours: byCallers(concurrency, (index) => ours.query({ filter: { 'data.user': userOf(index) } })),
      };
    },
  };
}

export const postgresQuerySuite: Suite = defineSuite(
  () =>
    open(
      'user',
      (from) =>
        Array.from({ length: batch }, (_, offset) => ({
          key: makeKey(from + offset),
          data: makeValue(from + offset, users),
        })),
      many,
    ),
  [pageAt('first', 0), pageAt('middle', 25_000), pageAt('last', 49_000), filter(1), filter(64)],
);
