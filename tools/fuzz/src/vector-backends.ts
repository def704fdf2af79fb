import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Explain, Harness, VectorFuzzOptions } from '@storage/conformance';
import type { Backend } from '@storage/core';
import { type FilterNode, normalizeFilter } from '@storage/core/filter';
import type { PgvectorIndexOptions } from '@storage/pgvector';
import type { ServiceName } from '@storage/services';
import { lease } from './lease.ts';

/** How the vectors of a backend are fuzzed. */
export interface VectorFuzzTarget {
  readonly harness: Harness;
  /** For a backend whose compiler claims to be exact. */
  readonly explain?: Explain;
  /** What is done in the middle of each round. */
  readonly turn?: VectorFuzzOptions['turn'];
  readonly round?: { readonly filters: number; readonly documents: number };
  readonly concurrency?: number;
  /** Ends what was started for it. */
  readonly release?: () => Promise<void>;
}

/** What folds to a constant is never compiled. */
function explainedBy(precision: (node: FilterNode) => ReturnType<Explain>): Explain {
  return (filter) => {
    const node = normalizeFilter(filter);
    return node.kind === 'true' || node.kind === 'false' ? 'exact' : precision(node);
  };
}

/** One request to a server, past the backend. */
async function ask(url: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(url + path, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return JSON.parse(text) as unknown;
}

async function pgvector(name: string, index: PgvectorIndexOptions): Promise<VectorFuzzTarget> {
  const { createPgvector } = await import('@storage/pgvector');
  const { compileSqlFilter, postgresDialect, vectorTarget } = await import('@storage/sql');
  const { default: pg } = await import('pg');
  const service = await lease('postgres');
  // Few documents are sorted sooner than looked up in an index; so that it is asked, that is made dear.
  const pool = new pg.Pool({ connectionString: service.url, max: 8, options: '-c enable_sort=off' });
  const backends = new Map<Backend, { readonly schema: string; readonly build: (name: string) => Promise<void> }>();
  return {
    harness: {
      name,
      create: () => {
        const schema = `storage_fuzz_${randomBytes(8).toString('hex')}`;
        const backend = createPgvector({ pool, schema, index: { ...index, buildAt: 1_000_000 } });
        backends.set(backend, { schema, build: (collection) => backend.buildIndex(collection) });
        return backend;
      },
      destroy: async (backend) => {
        await pool.query(`DROP SCHEMA IF EXISTS "${backends.get(backend)?.schema}" CASCADE`);
        backends.delete(backend);
      },
      server: { name: service.server, version: service.version, how: service.how },
    },
    explain: explainedBy((node) => compileSqlFilter(postgresDialect, node, vectorTarget).precision),
    // Every round begins without the index.
    turn: async (backend, collection) => backends.get(backend)?.build(collection),
    release: async () => {
      await pool.end();
      await service.release();
    },
  };
}

/**
 * Indexes made from outside over data that is there: first as the backend makes them for declared fields, then such as answer
 * otherwise than no index does.
 */
const payloadIndexes: readonly { readonly [path: string]: string }[] = [
  { a: 'float', b: 'keyword', '"a.b"': 'bool', 'a.b': 'keyword', when: 'keyword' },
  { a: 'integer', b: 'uuid', '"a.b"': 'text', 'a.b': 'integer', when: 'datetime' },
];
/** What the backend knows of a collection it asks again after a second. */
const noticedMs = 1100;

async function qdrant(name: ServiceName): Promise<VectorFuzzTarget> {
  const { createQdrant } = await import('@storage/qdrant');
  const service = await lease(name);
  const { url } = service;
  const prefix = `fuzz-${randomBytes(6).toString('hex')}-`;
  const prefixes = new WeakMap<Backend, string>();
  let count = 0;
  let turned = 0;
  return {
    harness: {
      name: `${name}-vectors`,
      create: () => {
        const own = `${prefix}${count++}-`;
        const backend = createQdrant({ url, prefix: own });
        prefixes.set(backend, own);
        return backend;
      },
      destroy: async (backend) => void (await ask(url, 'DELETE', `/collections/${prefixes.get(backend)}fuzz`)),
      server: { name: service.server, version: service.version, how: service.how },
    },
    turn: async (backend, collection) => {
      for (const [field_name, field_schema] of Object.entries(payloadIndexes[turned++ % 2] ?? {}))
        await ask(url, 'PUT', `/collections/${prefixes.get(backend)}${collection}/index?wait=true`, {
          field_name,
          field_schema,
        });
      await sleep(noticedMs);
    },
    release: () => service.release(),
  };
}

/** More than Chroma keeps in its log before it writes the index anew. */
const compacted = 1100;

async function chroma(): Promise<VectorFuzzTarget> {
  const { createChroma } = await import('@storage/chroma');
  const service = await lease('chroma');
  const { url } = service;
  const tenant = 'storage-fuzz';
  const prefix = `fuzz-${randomBytes(6).toString('hex')}-`;
  const databases = new WeakMap<Backend, string>();
  let count = 0;
  return {
    harness: {
      name: 'chroma-vectors',
      create: () => {
        const database = `${prefix}${count++}`;
        const backend = createChroma({ url, tenant, database });
        databases.set(backend, database);
        return backend;
      },
      destroy: async (backend) => {
        const path = `/api/v2/tenants/${tenant}/databases/${databases.get(backend)}`;
        // The server refuses while it writes its index.
        for (let tries = 20; tries > 0; tries--) {
          const refused = await ask(url, 'DELETE', path).then(
            () => undefined,
            (error: unknown) => error,
          );
          if (refused === undefined) return;
          if (tries === 1) throw refused;
          await sleep(250);
        }
      },
      server: { name: service.server, version: service.version, how: service.how },
    },
    // Documents that come and go: what was only in the log is in the index then.
    turn: async (backend, name) => {
      const collection = backend.vectors?.collection(name);
      const dimension = (await backend.vectors?.getCollection(name))?.dimension ?? 0;
      const vector = Array.from({ length: dimension }, (_, place) => place + 1);
      const passing = Array.from({ length: compacted }, (_, index) => ({ id: `passing ${index}`, vector }));
      await collection?.upsert(passing);
      await collection?.delete(passing.map(({ id }) => id));
    },
    release: () => service.release(),
  };
}

/** How long Pinecone's stand-in hides a write from reads, and a little more. */
const settleMs = 150;

async function pinecone(): Promise<VectorFuzzTarget> {
  const { createPinecone } = await import('@storage/pinecone');
  const service = await lease('pinecone');
  const prefix = `f${randomBytes(3).toString('hex')}`;
  let count = 0;
  return {
    harness: {
      name: 'pinecone-vectors',
      create: () => createPinecone({ apiKey: 'any', controllerUrl: service.url, prefix: `${prefix}${count++}-` }),
      destroy: async () => {
        await using backend = createPinecone({
          apiKey: 'any',
          controllerUrl: service.url,
          prefix: `${prefix}${count - 1}-`,
        });
        await backend.open();
        await backend.vectors.deleteCollection('fuzz');
      },
      settle: () => sleep(settleMs),
      server: { name: service.server, version: service.version, how: service.how },
    },
    release: () => service.release(),
  };
}

/** The backends whose vectors can be fuzzed, by name. Each is imported only when it is asked for. */
export const vectorTargets: { readonly [name: string]: () => Promise<VectorFuzzTarget> } = {
  'memory-vectors': async () => {
    const { createMemory } = await import('@storage/memory');
    return {
      harness: {
        name: 'memory-vectors',
        create: () => createMemory({}),
        server: { name: 'memory', version: process.version, how: 'embedded' },
      },
    };
  },
  'sqlite-vectors': async () => {
    const { createSqlite } = await import('@storage/sqlite');
    const { compileSqlFilter, vectorTarget, sqliteDialect } = await import('@storage/sql');
    return {
      harness: {
        name: 'sqlite-vectors',
        create: () => createSqlite({ path: ':memory:' }),
        server: { name: 'SQLite', version: 'bundled', how: 'embedded' },
      },
      explain: explainedBy((node) => compileSqlFilter(sqliteDialect, node, vectorTarget).precision),
    };
  },
  pgvector: () => pgvector('pgvector', { type: 'hnsw' }),
  'pgvector-ivfflat': () => pgvector('pgvector-ivfflat', { type: 'ivfflat', lists: 10 }),
  'pgvector-binary': () => pgvector('pgvector-binary', { type: 'hnsw', quantization: 'binary' }),
  'pgvector-none': () => pgvector('pgvector-none', { type: 'none' }),
  qdrant: () => qdrant('qdrant'),
  'qdrant-next': () => qdrant('qdrant-next'),
  chroma,
  pinecone,
};
