import { type Backend, createRegistry, DataManager, type Embedder, type ProviderOptions } from '@storage/core';
import { createFilesystem } from '@storage/filesystem';
import { createMemory } from '@storage/memory';
import { createPostgres } from '@storage/postgres';
import { createQdrant } from '@storage/qdrant';
import { createRedis } from '@storage/redis';
import { createS3 } from '@storage/s3';
import { createSqlite } from '@storage/sqlite';
import { ownFolder, ownPostgres, ownQdrant, ownRedis, ownS3, postgres, qdrant, redis, s3 } from './guide-servers.ts';

/** A provider of the guide, on its real server where there is one here. */
export interface GuideProvider {
  /** A backend over a store of its own, empty. */
  readonly backend: () => Backend;
  readonly options: ProviderOptions;
  /** What it is told on, for the title of a test. */
  readonly told: string;
}

export type GuideName = 'filesystem' | 'postgresql' | 'redis' | 's3' | 'qdrant';

const sqliteInstead = (): Backend => createSqlite({ path: ':memory:', fields: ['metadata.event_type'] });

/** The providers of the storage guide, under the guide's own names. */
export const guide: { readonly [name in GuideName]: GuideProvider } = {
  filesystem: {
    backend: () => createFilesystem({ basePath: ownFolder() }),
    options: { kind: 'file_system' },
    told: 'files',
  },
  postgresql: {
    backend: () =>
      postgres ? createPostgres({ ...ownPostgres(postgres), fields: ['metadata.event_type'] }) : sqliteInstead(),
    options: { kind: 'relational' },
    told: postgres ? postgres.server : 'SQLite instead of PostgreSQL, which is absent here',
  },
  redis: {
    backend: () => (redis ? createRedis(ownRedis(redis)) : createMemory()),
    options: { kind: 'cache' },
    told: redis ? redis.server : 'memory instead of Redis, which is absent here',
  },
  s3: {
    backend: () => (s3 ? createS3(ownS3(s3)) : createMemory()),
    options: { kind: 'object' },
    told: s3 ? s3.server : 'memory instead of MinIO, which is absent here',
  },
  qdrant: {
    backend: () => (qdrant ? createQdrant(ownQdrant(qdrant, vectorSize)) : createSqlite({ path: ':memory:' })),
    options: { kind: 'vector', ...(qdrant === undefined && { collection: 'praval_vectors' }) },
    told: qdrant ? `${qdrant.server} (${qdrant.how})` : 'SQLite instead of Qdrant, which is absent here',
  },
};

/** What several providers are told on. */
export function toldOn(...names: readonly GuideName[]): string {
  return names.map((name) => guide[name].told).join(', ');
}

/** Registers providers under the guide's names. */
export function registerGuide(dm: DataManager, names: readonly GuideName[]): DataManager {
  for (const name of names) dm.registerProvider(name, guide[name].backend(), guide[name].options);
  return dm;
}

/** A DataManager of its own with these providers, that makes nothing from the environment. */
export function guideManager(...names: readonly GuideName[]): DataManager {
  return registerGuide(new DataManager({ registry: createRegistry(), env: {} }), names);
}

/** The length of the vectors of `embed`. */
const vectorSize = 16;

/** Numbers as a vector of the guide's collection. */
export function padded(numbers: readonly number[]): number[] {
  return Array.from({ length: vectorSize }, (_, index) => numbers[index] ?? 0);
}

/** Words counted into a few numbers: enough for texts that share words to be close to one another. */
export const embed: Embedder = async (texts) =>
  texts.map((text) => {
    const vector = new Float32Array(vectorSize);
    for (const word of text.toLowerCase().match(/\w+/g) ?? []) {
      let hash = 7;
      for (const character of word) hash = (hash * 31 + character.charCodeAt(0)) % vectorSize;
      vector[hash] = (vector[hash] ?? 0) + 1;
    }
    return vector;
  });
