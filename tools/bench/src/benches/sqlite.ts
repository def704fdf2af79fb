// Single records and batches in SQLite, over 10,000 records of 1 KB.
import { join } from 'node:path';
import { createSqlite, type SqliteBackend } from '@storage/sqlite';
import { openRawSqlite, type RawSqlite } from '../../raw/sqlite.ts';
import { dataOf, itemsFrom, keyAnywhere, keyInOrder, records } from '../dataset.ts';
import { byCallers, inTurn } from '../sides.ts';
import { type Bench, defineSuite, type Opened, type Suite } from '../suite.ts';

const batch = 1000;

interface Fixture extends Opened {
  readonly raw: RawSqlite;
  readonly ours: SqliteBackend['records'];
}

/** Fails at the first member of a batch that failed. */
export function assertStored(outcomes: readonly { readonly ok: boolean; readonly error?: unknown }[]): void {
  for (const { ok, error } of outcomes) if (!ok) throw error;
}

async function open(folder: string): Promise<Fixture> {
  const raw = openRawSqlite(join(folder, 'raw.sqlite'), 'user', false);
  const backend = createSqlite({ path: join(folder, 'ours.sqlite') });
  await backend.open();
  const items = itemsFrom(0, records, keyInOrder);
  raw.setMany(items);
  assertStored(await backend.records.storeMany(items));
  return {
    raw,
    ours: backend.records,
    async close() {
      raw.close();
      await backend.close();
    },
  };
}

function get(concurrency: number, goal: number): Bench<Fixture> {
  return {
    name: 'sqlite.get',
    concurrency,
    goal,
    about: 'a record of 1 KB by its key',
    sides: ({ raw, ours }) => ({
      raw: inTurn((index) => raw.get(keyAnywhere(index))),
      ours: byCallers(concurrency, (index) => ours.retrieve(keyAnywhere(index))),
    }),
  };
}

function set(
  name: string,
  concurrency: number,
  keyOf: (index: number) => string,
  about: string,
): Omit<Bench<Fixture>, 'goal'> {
  return {
    name,
    concurrency,
    about,
    sides: ({ raw, ours }) => ({
      raw: inTurn((index) => raw.set(keyOf(index), dataOf(index))),
      ours: byCallers(concurrency, (index) => ours.store(keyOf(index), dataOf(index))),
    }),
  };
}

function setInOrder(concurrency: number, goal: number): Bench<Fixture> {
  return { ...set('sqlite.set', concurrency, keyInOrder, 'a record of 1 KB stored over another, key after key'), goal };
}

function remove(concurrency: number): Bench<Fixture> {
  // Beside the records that the other benches read.
  const doomed = (index: number): string => `temporary-${index}`;
  return {
    name: 'sqlite.delete',
    concurrency,
    about: 'a record of 1 KB deleted, and whether it was there',
    sides: ({ raw, ours }) => ({
      raw: {
        ...inTurn((index) => raw.delete(doomed(index))),
        prepare: (from, count) => void raw.setMany(itemsFrom(from, count, doomed)),
      },
      ours: {
        ...byCallers(concurrency, (index) => ours.delete(doomed(index))),
        async prepare(from, count) {
          for (let at = 0; at < count; at += batch) {
            assertStored(await ours.storeMany(itemsFrom(from + at, Math.min(batch, count - at), doomed)));
          }
        },
      },
    }),
  };
}

const getMany: Bench<Fixture> = {
  name: 'sqlite.getMany',
  concurrency: 1,
  goal: 0.9,
  about: `${batch} records of 1 KB by their keys; an operation is the whole batch`,
  sides: ({ raw, ours }) => {
    const keysFrom = (index: number): string[] =>
      Array.from({ length: batch }, (_, offset) => keyAnywhere(index * 131 + offset));
    return {
      raw: inTurn((index) => raw.getMany(keysFrom(index))),
      ours: byCallers(1, (index) => ours.retrieveMany(keysFrom(index))),
    };
  },
};

const setMany: Bench<Fixture> = {
  name: 'sqlite.setMany',
  concurrency: 1,
  goal: 0.9,
  about: `${batch} records of 1 KB stored over others; an operation is the whole batch`,
  sides: ({ raw, ours }) => ({
    raw: inTurn((index) => raw.setMany(itemsFrom(index * batch, batch, keyInOrder))),
    ours: byCallers(1, async (index) =>
      assertStored(await ours.storeMany(itemsFrom(index * batch, batch, keyInOrder))),
    ),
  }),
};

export const sqliteSuite: Suite = defineSuite(open, [
  get(1, 0.9),
  get(64, 0.95),
  setInOrder(1, 0.95),
  setInOrder(64, 1.8),
  set(
    'sqlite.set.scattered',
    64,
    keyAnywhere,
    'the same, each key far from the one before: every record is on a page of its own',
  ),
  remove(1),
  remove(64),
  getMany,
  setMany,
]);
