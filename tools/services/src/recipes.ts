import type { Recipe } from './recipe.ts';
import type { ServiceName } from './service.ts';

/** One line for each server. Loaded when asked for. */
const recipes: Partial<Record<ServiceName, () => Promise<Recipe>>> = {
  postgres: async () => (await import('./recipes/postgres.ts')).postgres,
  'postgres-replica': async () => (await import('./recipes/postgres-replica.ts')).postgresReplica,
  redis: async () => (await import('./recipes/redis.ts')).redis,
  'redis-sentinel': async () => (await import('./recipes/redis-sentinel.ts')).redisSentinel,
  'redis-cluster': async () => (await import('./recipes/redis-cluster.ts')).redisCluster,
  minio: async () => (await import('./recipes/minio.ts')).minio,
  mongo: async () => (await import('./recipes/mongo.ts')).mongo,
  'mongo-streams': async () => (await import('./recipes/mongo-streams.ts')).mongoStreams,
  seaweedfs: async () => (await import('./recipes/seaweedfs.ts')).seaweedfs,
  chroma: async () => (await import('./recipes/chroma.ts')).chroma,
  qdrant: async () => (await import('./recipes/qdrant.ts')).qdrant,
  'qdrant-next': async () => (await import('./recipes/qdrant.ts')).qdrantNext,
  pinecone: async () => (await import('./recipes/pinecone.ts')).pinecone,
};

/** Where `name` can be had by URL: `STORAGE_TEST_REDIS_CLUSTER_URL`. */
export function urlVariable(name: ServiceName): string {
  return `STORAGE_TEST_${name.toUpperCase().replaceAll('-', '_')}_URL`;
}

export async function loadRecipe(name: ServiceName): Promise<Recipe> {
  const load = recipes[name];
  if (load === undefined) throw new Error(`There is no recipe for ${name}.`);
  return await load();
}
