import { type Backend, createRegistry, DataManager, type Embedder, type ProviderOptions } from '@storage/core';
import { createMemory } from '@storage/memory';
import { createSqlite } from '@storage/sqlite';

/** A backend that is here today, in the place of one that is to come. */
export interface StandIn {
  readonly backend: () => Backend;
  readonly options: ProviderOptions;
  /** How to say it in the title of a test. */
  readonly told: string;
}

export type StandInName = 'filesystem' | 'postgresql' | 'redis' | 's3' | 'qdrant';

/** What stands in for each provider of the storage guide, under the guide's own names. */
export const standIns: { readonly [name in StandInName]: StandIn } = {
  filesystem: { backend: () => createMemory(), options: { kind: 'file_system' }, told: "memory as 'filesystem'" },
  postgresql: {
    backend: () => createSqlite({ path: ':memory:', fields: ['metadata.event_type'] }),
    options: { kind: 'relational' },
    told: "SQLite as 'postgresql'",
  },
  redis: { backend: () => createMemory(), options: { kind: 'cache' }, told: "memory as 'redis'" },
  s3: { backend: () => createMemory(), options: { kind: 'object' }, told: "memory as 's3'" },
  qdrant: {
    backend: () => createSqlite({ path: ':memory:' }),
    options: { kind: 'vector', collection: 'praval_vectors' },
    told: "SQLite's vectors as 'qdrant'",
  },
};

/** Registers stand-ins under the guide's names. */
export function registerStandIns(dm: DataManager, names: readonly StandInName[]): DataManager {
  for (const name of names) dm.registerProvider(name, standIns[name].backend(), standIns[name].options);
  return dm;
}

/** A DataManager of its own with these stand-ins, that makes nothing from the environment. */
export function guideManager(...names: readonly StandInName[]): DataManager {
  return registerStandIns(new DataManager({ registry: createRegistry(), env: {} }), names);
}

/** Words counted into a few numbers: enough for texts that share words to be close to one another. */
export const embed: Embedder = async (texts) =>
  texts.map((text) => {
    const vector = new Float32Array(16);
    for (const word of text.toLowerCase().match(/\w+/g) ?? []) {
      let hash = 7;
      for (const character of word) hash = (hash * 31 + character.charCodeAt(0)) % 16;
      vector[hash] = (vector[hash] ?? 0) + 1;
    }
    return vector;
  });
