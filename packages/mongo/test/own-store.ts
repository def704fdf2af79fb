import { randomUUID } from 'node:crypto';
import type { Backend } from '@storage/core';
import mongoose from 'mongoose';
import { createMongo, type MongoBackend, type MongoOptions } from '../src/index.ts';

/** A database of a random name for one test file. */
export interface OwnDatabase {
  readonly name: string;
  /** For looking behind a backend. */
  readonly db: mongoose.mongo.Db;
  /** A backend over a collection of its own. */
  create(options?: MongoOptions): MongoBackend;
  /** Another over the same. */
  reopen(backend: Backend, options?: MongoOptions): MongoBackend;
  /** Removes a backend's collections. */
  destroy(backend: Backend): Promise<void>;
  drop(): Promise<void>;
}

/** `port`: of a proxy that the backends connect through. */
export function ownDatabase(url: string, port?: number): OwnDatabase {
  const name = `storage_test_${randomUUID().replaceAll('-', '').slice(0, 16)}`;
  const client = new mongoose.mongo.MongoClient(url);
  const db = client.db(name);
  const used = new WeakMap<Backend, MongoOptions>();
  const make = (options: MongoOptions): MongoBackend => {
    const backend = createMongo(options);
    used.set(backend, options);
    return backend;
  };
  const through = new URL(url);
  if (port !== undefined) through.host = `127.0.0.1:${port}`;
  let count = 0;
  return {
    name,
    db,
    create: (options = {}) => make({ url: through.href, database: name, collection: `c${count++}`, ...options }),
    reopen: (backend, options = {}) => make({ ...used.get(backend), ...options }),
    destroy: async (backend) => {
      const { collection = '' } = used.get(backend) ?? {};
      const names = new Set(['', '.files', '.chunks', '.messages'].map((end) => collection + end));
      for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray())
        if (names.has(name)) await db.dropCollection(name);
    },
    drop: async () => {
      await db.dropDatabase();
      await client.close();
    },
  };
}
