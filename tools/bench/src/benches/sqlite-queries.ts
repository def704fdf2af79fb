// Pages and filters in SQLite, over 50,000 records of 1 KB with one declared field.
import { join } from 'node:path';
import { createSqlite, type SqliteBackend } from '@storage/sqlite';
import { openRawSqlite, type RawSqlite } from '../../raw/sqlite.ts';
import { makeKey, makeValue, scattered } from '../dataset.ts';
import { byCallers, inTurn } from '../sides.ts';
import { type Bench, defineSuite, type Opened, type Suite } from '../suite.ts';
import { assertStored } from './sqlite.ts';

const records = 50_000;
/** Each user has 20 of the records. */
const users = records / 20;
const batch = 1000;
const page = 100;

interface Fixture extends Opened {
  readonly raw: RawSqlite;
  readonly ours: SqliteBackend['records'];
}

async function open(folder: string): Promise<Fixture> {
  const raw = openRawSqlite(join(folder, 'raw.sqlite'), 'user', true);
  const backend = createSqlite({ path: join(folder, 'ours.sqlite'), fields: ['data.user'] });
  await backend.open();
  for (let from = 0; from < records; from += batch) {
    const items = Array.from({ length: batch }, (_, offset) => ({
      key: makeKey(from + offset),
      data: makeValue(from + offset, users),
    }));
    raw.setMany(items);
    assertStored(await backend.records.storeMany(items));
  }
  return {
    raw,
    ours: backend.records,
    async close() {
      raw.close();
      await backend.close();
    },
  };
}

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
    name: `sqlite.page.${place}`,
    concurrency: 1,
    goal: 0.9,
    about: `${page} whole records behind ${depth.toLocaleString('en-US')} others, by key`,
    async sides({ raw, ours }) {
      const after = depth === 0 ? '' : makeKey(depth - 1);
      const cursor = await cursorBehind(ours, depth);
      const { items } = await ours.query({ limit: page, cursor });
      assertFull(items, page);
      const same = raw.page(after).items;
      if (same[0]?.key !== items[0]?.key) throw new Error('The two sides do not read the same page.');
      return {
        raw: inTurn(() => raw.page(after)),
        ours: byCallers(1, () => ours.query({ limit: page, cursor })),
      };
    },
  };
}

const filter: Bench<Fixture> = {
  name: 'sqlite.filter',
  concurrency: 1,
  goal: 0.85,
  about: '20 of 50,000 records by a declared field',
  async sides({ raw, ours }) {
    const userOf = (index: number): string => `user-${scattered(index, users)}`;
    assertFull(raw.filter(userOf(0)).items, 20);
    assertFull((await ours.query({ filter: { 'data.user': userOf(0) } })).items, 20);
    return {
      raw: inTurn((index) => raw.filter(userOf(index))),
      ours: byCallers(1, (index) => ours.query({ filter: { 'data.user': userOf(index) } })),
    };
  },
};

export const sqliteQuerySuite: Suite = defineSuite(open, [
  pageAt('first', 0),
  pageAt('middle', 25_000),
  pageAt('last', 49_000),
  filter,
]);
