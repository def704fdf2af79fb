import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Explain, Harness } from '@storage/conformance';
import { joinPath, normalizeFilter, recordRoots } from '@storage/core/filter';
import type { ServiceName } from '@storage/services';
import { lease } from './lease.ts';

/** How a backend is fuzzed. */
export interface FuzzTarget {
  readonly harness: Harness;
  /** For a backend whose compiler claims to be exact. */
  readonly explain?: Explain;
  /** For one that reads all documents for every filter. Missing: the kit's. */
  readonly round?: { readonly filters: number; readonly documents: number };
  /** Ends what was started for it. */
  readonly release?: () => Promise<void>;
}

const how = 'embedded';

async function postgres(name: string, fields: readonly string[]): Promise<FuzzTarget> {
  const { createPostgres } = await import('@storage/postgres');
  const { compileRecordFilter, postgresDialect } = await import('@storage/sql');
  const { default: pg } = await import('pg');
  const service = await lease('postgres');
  const pool = new pg.Pool({ connectionString: service.url });
  const indexed = new Set(fields);
  const schemas = new WeakMap<object, string>();
  return {
    harness: {
      name,
      create: () => {
        const schema = `storage_fuzz_${randomBytes(8).toString('hex')}`;
        const backend = createPostgres({ pool, schema, fields });
        schemas.set(backend, schema);
        return backend;
      },
      destroy: async (backend) => {
        await pool.query(`DROP SCHEMA IF EXISTS "${schemas.get(backend)}" CASCADE`);
      },
      server: { name: service.server, version: service.version, how: service.how },
    },
    explain: (filter) => {
      const node = normalizeFilter(filter, { roots: recordRoots });
      return node.kind === 'true' || node.kind === 'false'
        ? 'exact'
        : compileRecordFilter(postgresDialect, node, (path) => indexed.has(joinPath(path))).precision;
    },
    release: async () => {
      await pool.end();
      await service.release();
    },
  };
}

async function redis(name: string, fields: readonly string[]): Promise<FuzzTarget> {
  const { createRedis } = await import('@storage/redis');
  const { Redis } = await import('ioredis');
  const service = await lease('redis');
  const client = new Redis(service.url, { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 });
  const prefix = `storage-fuzz-${randomBytes(8).toString('hex')}`;
  let count = 0;
  return {
    harness: {
      name,
      create: () => createRedis({ client, prefix: `${prefix}-${count++}:`, fields }),
      destroy: async () => {
        if (fields.length > 0)
          for (const index of (await client.call('ft._list')) as string[])
            if (index.startsWith(prefix)) await client.call('ft.dropindex', [index]);
        for await (const keys of client.scanStream({ match: `${prefix}-*`, count: 1000 }))
          if ((keys as string[]).length > 0) await client.unlink(keys as string[]);
      },
      server: { name: service.server, version: service.version, how: service.how },
    },
    release: async () => {
      client.disconnect();
      await service.release();
    },
  };
}

async function s3(name: ServiceName): Promise<FuzzTarget> {
  const { createS3 } = await import('@storage/s3');
  const { Client } = await import('minio');
  const service = await lease(name);
  const { hostname, port, username, password } = new URL(service.url);
  const options = { endPoint: hostname, port: Number(port), useSSL: false, accessKey: username, secretKey: password };
  const client = new Client({ ...options, region: 'us-east-1' });
  const bucketName = `storage-fuzz-${randomBytes(8).toString('hex')}`;
  await client.makeBucket(bucketName);
  let count = 0;
  return {
    harness: {
      name: 's3',
      create: () => createS3({ client, bucketName, layout: 'safe', prefix: `f${count++}` }),
      server: { name: service.server, version: service.version, how: service.how },
    },
    round: { filters: 50, documents: 16 },
    release: async () => {
      const names: string[] = [];
      for await (const { name: found } of client.listObjectsV2(bucketName, '', true)) if (found) names.push(found);
      await client.removeObjects(bucketName, names);
      await client.removeBucket(bucketName);
      await service.release();
    },
  };
}

/** The backends that can be fuzzed, by name. Each is imported only when it is asked for. */
export const targets: { readonly [name: string]: () => Promise<FuzzTarget> } = {
  memory: async () => {
    const { createMemory } = await import('@storage/memory');
    return {
      harness: {
        name: 'memory',
        create: () => createMemory({}),
        server: { name: 'memory', version: process.version, how },
      },
    };
  },
  sqlite: async () => {
    const { createSqlite } = await import('@storage/sqlite');
    const { compileSqlFilter, recordTarget, sqliteDialect } = await import('@storage/sql');
    return {
      harness: {
        name: 'sqlite',
        create: () => createSqlite({ path: ':memory:' }),
        server: { name: 'SQLite', version: 'bundled', how },
      },
      explain: (filter) => {
        const node = normalizeFilter(filter, { roots: recordRoots });
        // What folds to a constant is never compiled.
        return node.kind === 'true' || node.kind === 'false'
          ? 'exact'
          : compileSqlFilter(sqliteDialect, node, recordTarget).precision;
      },
    };
  },
  filesystem: async () => {
    const { createFilesystem } = await import('@storage/filesystem');
    const folder = mkdtempSync(join(tmpdir(), 'storage-fuzz-'));
    let made = 0;
    return {
      harness: {
        name: 'filesystem',
        create: () => createFilesystem({ basePath: join(folder, String(made++)) }),
        server: { name: 'the disk', version: process.version, how },
      },
      round: { filters: 250, documents: 50 },
      release: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
  postgres: () => postgres('postgres', []),
  // The same filters by the statements that indexes serve.
  'postgres-indexed': () =>
    postgres('postgres-indexed', ['data.a', 'data.b', 'data.a.b', 'data.a\\.b', 'metadata', 'metadata.a', 'createdAt']),
  redis: () => redis('redis', []),
  // The same filters by RediSearch where it can tell, rechecked.
  'redis-search': () =>
    redis('redis-search', ['data.a', 'data.b', 'data.a.b', 'data.a\\.b', 'metadata.a', 'metadata.b']),
  s3: () => s3('minio'),
  's3-seaweedfs': () => s3('seaweedfs'),
  mongo: async () => {
    const { compileMongoFilter, createMongo } = await import('@storage/mongo');
    const { default: mongoose } = await import('mongoose');
    const service = await lease('mongo');
    const connection = mongoose.createConnection(service.url);
    const database = `storage_fuzz_${process.pid}`;
    let count = 0;
    return {
      harness: {
        name: 'mongo',
        create: () => createMongo({ connection, database, collection: `fuzz${count++}` }),
        server: { name: service.server, version: service.version, how: service.how },
      },
      explain: (filter) => {
        const node = normalizeFilter(filter, { roots: recordRoots });
        return node.kind === 'true' || node.kind === 'false' ? 'exact' : compileMongoFilter(node).precision;
      },
      release: async () => {
        await connection.getClient().db(database).dropDatabase();
        await connection.close();
        await service.release();
      },
    };
  },
};
