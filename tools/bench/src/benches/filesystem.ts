// Records as files, over 10,000 of 1 KB, each with nothing beside it or with a sidecar; pages and filters over 5,000.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFilesystem } from '@storage/filesystem';
import { openRawFilesystem, type RawFilesystem } from '../../raw/filesystem.ts';
import { dataOf, makeKey, makeValue, scattered } from '../dataset.ts';
import { byCallers } from '../sides.ts';
import { type Bench, defineSuite, type Suite } from '../suite.ts';
import { batch, type Goals, recordSuite, type ServerFixture } from './server-records.ts';
import { assertStored } from './sqlite.ts';

const goals: Goals = {
  get: [0.85, 0.85],
  set: [0.85, 0.7],
  // Beside the bare unlink: a lock, a look at what is there, and whether it was.
  delete: [undefined, undefined],
  getMany: 0.85,
  setMany: 0.7,
  page: 0.85,
  filter: 0.85,
};
const field = 'user';

interface Fixture extends ServerFixture {
  readonly raw: RawFilesystem;
}

/** Both sides on the same disk, empty. */
async function open(): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'storage-bench-files-'));
  const backend = createFilesystem({ basePath: join(folder, 'ours') });
  await backend.open();
  return {
    raw: await openRawFilesystem(join(folder, 'raw'), field),
    ours: backend.records,
    async close() {
      await backend.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const described = 2000;
const metadataOf = (index: number): { readonly by: string; readonly turn: number } => ({ by: 'bench', turn: index });

async function openDescribed(): Promise<Fixture> {
  const fixture = await open();
  for (let index = 0; index < described; index++) {
    const [key, data, metadata] = [makeKey(index), dataOf(index), metadataOf(index)];
    await fixture.raw.setDescribed(key, data, metadata);
    await fixture.ours.store(key, data, { metadata });
  }
  return fixture;
}

const keyOf = (index: number): string => makeKey(scattered(index, described));

function getDescribed(concurrency: number): Bench<Fixture> {
  return {
    name: 'filesystem.get.described',
    concurrency,
    goal: 0.8,
    about: 'a record of 1 KB that has metadata, by its key',
    sides: ({ raw, ours }) => ({
      raw: byCallers(concurrency, (index) => raw.getDescribed(keyOf(index))),
      ours: byCallers(concurrency, (index) => ours.retrieve(keyOf(index))),
    }),
  };
}

function setDescribed(concurrency: number): Bench<Fixture> {
  return {
    name: 'filesystem.set.described',
    concurrency,
    goal: 0.45,
    about: 'a record of 1 KB with metadata, stored over another',
    sides: ({ raw, ours }) => ({
      raw: byCallers(concurrency, (index) => raw.setDescribed(keyOf(index), dataOf(index), metadataOf(index))),
      ours: byCallers(concurrency, (index) => ours.store(keyOf(index), dataOf(index), { metadata: metadataOf(index) })),
    }),
  };
}

const listed = 5000;
/** Each user has 20 of the records. */
const users = listed / 20;

async function openListed(): Promise<Fixture> {
  const fixture = await open();
  for (let from = 0; from < listed; from += batch) {
    const items = Array.from({ length: batch }, (_, offset) => ({
      key: makeKey(from + offset),
      data: makeValue(from + offset, users),
    }));
    await fixture.raw.setMany(items);
    assertStored(await fixture.ours.storeMany(items));
  }
  return fixture;
}

function assertFull({ length }: readonly unknown[], expected: number): void {
  if (length !== expected) throw new Error(`${length} records were answered, not ${expected}.`);
}

const page: Bench<Fixture> = {
  name: 'filesystem.page',
  concurrency: 1,
  goal: goals.page,
  about: '100 whole records behind 2,000 others, by key, of 5,000 in a folder',
  async sides({ raw, ours }) {
    let cursor: string | undefined;
    for (let behind = 0; behind < 2000; behind += batch) ({ cursor } = await ours.query({ limit: batch, cursor }));
    const { items } = await ours.query({ limit: 100, cursor });
    assertFull(items, 100);
    if ((await raw.page(makeKey(1999))).items[0]?.key !== items[0]?.key)
      throw new Error('The two sides do not read the same page.');
    return {
      raw: byCallers(1, () => raw.page(makeKey(1999))),
      ours: byCallers(1, () => ours.query({ limit: 100, cursor })),
    };
  },
};

const filter: Bench<Fixture> = {
  name: 'filesystem.filter',
  concurrency: 1,
  goal: goals.filter,
  about: '20 of 5,000 records by a field, which reads them all',
  async sides({ raw, ours }) {
    const userOf = (index: number): string => `user-${scattered(index, users)}`;
    const ask = (index: number) => ours.query({ filter: { [`data.${field}`]: userOf(index) } });
    assertFull((await raw.filter(userOf(0))).items, 20);
    assertFull((await ask(0)).items, 20);
    return { raw: byCallers(1, (index) => raw.filter(userOf(index))), ours: byCallers(1, ask) };
  },
};

export const filesystemSuite: Suite = recordSuite('filesystem', open, goals);
export const filesystemDescribedSuite: Suite = defineSuite(openDescribed, [
  getDescribed(1),
  getDescribed(64),
  setDescribed(1),
  setDescribed(64),
]);
export const filesystemQuerySuite: Suite = defineSuite(openListed, [page, filter]);
