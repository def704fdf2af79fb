// Every bench there is, in the order in which they run.
import type { Suite } from '../suite.ts';
import { filesystemDescribedSuite, filesystemQuerySuite, filesystemSuite } from './filesystem.ts';
import { memorySuite } from './memory.ts';
import { mongoQuerySuite, mongoSuite } from './mongo.ts';
import { postgresQuerySuite, postgresSuite } from './postgres.ts';
import { redisCacheSuite, redisQuerySuite, redisSuite } from './redis.ts';
import { s3Suite } from './s3.ts';
import { sqliteSuite } from './sqlite.ts';
import { sqliteQuerySuite } from './sqlite-queries.ts';
import { sqliteVectorSuite } from './sqlite-vectors.ts';
import { vaultSuite } from './vault.ts';
import { chromaSuite, pgvectorSuite, pineconeSuite, qdrantSuite } from './vectors.ts';

export const suites: readonly Suite[] = [
  sqliteSuite,
  sqliteQuerySuite,
  sqliteVectorSuite,
  postgresSuite,
  postgresQuerySuite,
  mongoSuite,
  mongoQuerySuite,
  filesystemSuite,
  filesystemDescribedSuite,
  filesystemQuerySuite,
  s3Suite,
  redisSuite,
  redisQuerySuite,
  redisCacheSuite,
  pgvectorSuite,
  qdrantSuite,
  chromaSuite,
  pineconeSuite,
  memorySuite,
  vaultSuite,
];
