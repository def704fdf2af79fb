// Records on a server, beside what a careful user writes by hand: 10,000 records of 1 KB, and pages and filters over 50,000 with one
// declared field. A backend names itself, opens both sides and sets the goals.
import type { RecordStore } from '@storage/core';
import { dataOf, itemsFrom, keyAnywhere, keyInOrder, makeKey, makeValue, records, scattered } from '../dataset.ts';
import { byCallers } from '../sides.ts';
import { type Bench, defineSuite, type Opened, type Suite } from '../suite.ts';
import { assertStored } from './sqlite.ts';

export const batch = 1000;

type Item = { readonly key: string; readonly data: ReturnType<typeof dataOf> };

interface Answered {
  readonly items: readonly { readonly key: string }[];
}

/** A store by hand. */
interface RawStore {
  get(key: string): Promise<unknown>;
  getMany(keys: readonly string[]): Promise<unknown>;
  set(key: string, data: unknown): Promise<unknown>;
  setMany(items: readonly Item[]): Promise<unknown>;
  delete(key: string): Promise<boolean>;
  page(after: string): Promise<Answered>;
  filter(value: string): Promise<Answered>;
}

export interface ServerFixture extends Opened {
  readonly raw: RawStore;
  readonly ours: RecordStore;
  /** Called when both sides are filled. */
  readonly filled?: () => Promise<void>;
}

/** Opens both sides, empty; `field`: the member of the data that is declared. */
export type OpenServer = (field: string | undefined) => Promise<ServerFixture>;

export interface Goals {
  readonly get: readonly [alone: number, together: number];
  readonly set: readonly [alone: number, together: number];
  /** `undefined`: none was set; the row is for information. */
  readonly delete: readonly [alone: number | undefined, together: number | undefined];
  readonly getMany: number;
  readonly setMany: number;
  readonly page: number;
  readonly filter: number;
}

async function filled(
  open: OpenServer,
  field: string | undefined,
  count: number,
  items: (from: number) => Item[],
): Promise<ServerFixture> {
  const fixture = await open(field);
  for (let from = 0; from < count; from += batch) {
    await fixture.raw.setMany(items(from));
    assertStored(await fixture.ours.storeMany(items(from)));
  }
  await fixture.filled?.();
  return fixture;
}

function get(name: string, concurrency: number, goal: number): Bench<ServerFixture> {
  return {
    name: `${name}.get`,
    concurrency,
    goal,
    about: 'a record of 1 KB by its key',
    sides: ({ raw, ours }) => ({
      raw: byCallers(concurrency, (index) => raw.get(keyAnywhere(index))),
      ours: byCallers(concurrency, (index) => ours.retrieve(keyAnywhere(index))),
    }),
  };
}

function set(name: string, concurrency: number, goal: number): Bench<ServerFixture> {
  return {
    name: `${name}.set`,
    concurrency,
    goal,
    about: 'a record of 1 KB stored over another, each key far from the one before',
    sides: ({ raw, ours }) => ({
      raw: byCallers(concurrency, (index) => raw.set(keyAnywhere(index), dataOf(index))),
      ours: byCallers(concurrency, (index) => ours.store(keyAnywhere(index), dataOf(index))),
    }),
  };
}

function remove(name: string, concurrency: number, goal: number | undefined): Bench<ServerFixture> {
  // Beside the records that the other benches read.
  const doomed = (index: number): string => `temporary-${index}`;
  const prepared = (store: (items: Item[]) => Promise<unknown>) => async (from: number, count: number) => {
    for (let at = 0; at < count; at += batch) await store(itemsFrom(from + at, Math.min(batch, count - at), doomed));
  };
  return {
    name: `${name}.delete`,
    concurrency,
    ...(goal !== undefined && { goal }),
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

function getMany(name: string, goal: number): Bench<ServerFixture> {
  return {
    name: `${name}.getMany`,
    concurrency: 1,
    goal,
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
}

function setMany(name: string, goal: number): Bench<ServerFixture> {
  return {
    name: `${name}.setMany`,
    concurrency: 1,
    goal,
    about: `${batch} records of 1 KB stored over others; an operation is the whole batch`,
    sides: ({ raw, ours }) => ({
      raw: byCallers(1, (index) => raw.setMany(itemsFrom(index * batch, batch, keyInOrder))),
      ours: byCallers(1, async (index) =>
        assertStored(await ours.storeMany(itemsFrom(index * batch, batch, keyInOrder))),
      ),
    }),
  };
}

/** Single records and batches. */
export function recordSuite(name: string, open: OpenServer, goals: Goals): Suite {
  return defineSuite(
    () => filled(open, undefined, records, (from) => itemsFrom(from, batch, keyInOrder)),
    [
      get(name, 1, goals.get[0]),
      get(name, 64, goals.get[1]),
      set(name, 1, goals.set[0]),
      set(name, 64, goals.set[1]),
      remove(name, 1, goals.delete[0]),
      remove(name, 64, goals.delete[1]),
      getMany(name, goals.getMany),
      setMany(name, goals.setMany),
    ],
  );
}

const many = 50_000;
/** Each user has 20 of the records. */
const users = many / 20;
const page = 100;

function assertFull({ length }: readonly unknown[], expected: number): void {
  if (length !== expected) throw new Error(`${length} records were answered, not ${expected}.`);
}

/** Follows the pages until so many records lie behind, and answers where the next one begins. */
async function cursorBehind(ours: RecordStore, depth: number): Promise<string | undefined> {
  let cursor: string | undefined;
  for (let behind = 0; behind < depth; behind += batch) ({ cursor } = await ours.query({ limit: batch, cursor }));
  return cursor;
}

function pageAt(name: string, goal: number, place: string, depth: number): Bench<ServerFixture> {
  return {
    name: `${name}.page.${place}`,
    concurrency: 1,
    goal,
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

function filter(name: string, goal: number, concurrency: number): Bench<ServerFixture> {
  return {
    name: `${name}.filter`,
    concurrency,
    goal,
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

/** Pages and filters. */
export function querySuite(name: string, open: OpenServer, goals: Goals): Suite {
  const items = (from: number): Item[] =>
    Array.from({ length: batch }, (_, offset) => ({
      key: makeKey(from + offset),
      data: makeValue(from + offset, users),
    }));
  return defineSuite(
    () => filled(open, 'user', many, items),
    [
      pageAt(name, goals.page, 'first', 0),
      pageAt(name, goals.page, 'middle', 25_000),
      pageAt(name, goals.page, 'last', 49_000),
      filter(name, goals.filter, 1),
      filter(name, goals.filter, 64),
    ],
  );
}
