// The memory backend beside a Map of JSON texts: for information, as a Map keeps neither etags, times nor limits.
import { createMemory, type MemoryBackend } from '@storage/memory';
import { dataOf, itemsFrom, keyAnywhere, keyInOrder, records } from '../dataset.ts';
import { byCallers, inTurn } from '../sides.ts';
import { type Bench, defineSuite, type Opened, type Suite } from '../suite.ts';

interface Fixture extends Opened {
  readonly raw: Map<string, string>;
  readonly ours: MemoryBackend['records'];
}

async function open(): Promise<Fixture> {
  const raw = new Map<string, string>();
  const backend = createMemory();
  await backend.open();
  for (const { key, data } of itemsFrom(0, records, keyInOrder)) {
    raw.set(key, JSON.stringify(data));
    await backend.records.store(key, data);
  }
  return { raw, ours: backend.records, close: () => backend.close() };
}

const get: Bench<Fixture> = {
  name: 'memory.get',
  concurrency: 1,
  about: 'a record of 1 KB by its key, beside a Map of JSON texts',
  sides: ({ raw, ours }) => ({
    raw: inTurn((index) => JSON.parse(raw.get(keyAnywhere(index)) ?? 'null')),
    ours: byCallers(1, (index) => ours.retrieve(keyAnywhere(index))),
  }),
};

const set: Bench<Fixture> = {
  name: 'memory.set',
  concurrency: 1,
  about: 'a record of 1 KB stored over another, beside a Map of JSON texts',
  sides: ({ raw, ours }) => ({
    raw: inTurn((index) => raw.set(keyInOrder(index), JSON.stringify(dataOf(index)))),
    ours: byCallers(1, (index) => ours.store(keyInOrder(index), dataOf(index))),
  }),
};

export const memorySuite: Suite = defineSuite(open, [get, set]);
