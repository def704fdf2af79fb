import { afterAll, describe, expect, it } from '@jest/globals';
import { isStorageError, outcome, type StorageError } from '@storage/core';
import { onService } from '@storage/services/testing';
import mongoose from 'mongoose';
import { createMongo, type MongoBackend, type MongoOptions } from '../src/index.ts';
import { ownDatabase } from './own-store.ts';

/** What `open` fails with. */
async function refused(backend: MongoBackend): Promise<StorageError> {
  const ended = await outcome(backend.open());
  await backend.close();
  if (ended.ok) throw new Error('It was opened.');
  return ended.error;
}

await onService('mongo', (service) => {
  const own = ownDatabase(service.url);
  afterAll(() => own.drop());
  const authority = new URL(service.url).host;

  describe('what can not be opened', () => {
    it.each<[string, string, MongoOptions, string]>([
      ['a user that is not known', 'unauthenticated', { url: `mongodb://nobody:hunter2@${authority}/` }, 'password'],
      ['a host that is not there', 'unavailable', { url: 'mongodb://no-such-host.invalid:1/' }, 'hosts'],
      ['a port where nobody listens', 'unavailable', { url: 'mongodb://user:hunter2@127.0.0.1:1/' }, '`url`'],
      ['a replica set that is none', 'unavailable', { url: `mongodb://${authority}/?replicaSet=other` }, 'replicaSet'],
      ['a parameter that is none', 'invalid_argument', { url: 'mongodb://user:hunter2@localhost/?nothing=1' }, '`url`'],
      ['a port that is none', 'invalid_argument', { url: 'mongodb://user:hunter2@localhost:99999/' }, '`url`'],
    ])('%s is %s', async (_what, code, options, hint) => {
      const start = performance.now();
      const error = await refused(createMongo({ database: own.name, connectTimeoutMs: 1000, ...options }));
      expect(error).toMatchObject({ code, backend: 'mongo', message: expect.stringContaining(hint) });
      expect(JSON.stringify(error)).not.toContain('hunter2');
      expect(performance.now() - start).toBeLessThan(15_000);
    });

    it('promises that the server does not keep are unsupported, and the attempt leaves nothing behind', async () => {
      await using plain = own.create({ collection: 'promises' });
      await plain.open();
      const { details } = await plain.health();
      // A replica set keeps them.
      if (details['topology'] !== 'standalone') return;
      for (const option of ['transactions', 'changeStreams'] as const) {
        const error = await refused(own.create({ collection: 'promises', [option]: true }));
        expect(error).toMatchObject({ code: 'unsupported', message: expect.stringContaining(`\`${option}\``) });
      }
      expect(await own.db.collection('promises').countDocuments()).toBe(1);
      expect(await plain.records.count()).toBe(0);
    });

    it('a collection of somebody else is not touched', async () => {
      const foreign = own.db.collection<{ readonly _id: number }>('foreign');
      await foreign.insertOne({ _id: 1 });
      const error = await refused(own.create({ collection: 'foreign' }));
      expect(error).toMatchObject({ code: 'invalid_argument', details: { path: 'collection' } });
      expect(await foreign.find().toArray()).toEqual([{ _id: 1 }]);
      expect(await foreign.indexes()).toHaveLength(1);
    });

    it('a store of a newer schema is not touched', async () => {
      await own.db
        .collection<{ readonly _id: string; readonly schema: number }>('newer')
        .insertOne({ _id: '\0', schema: 2 });
      expect(await refused(own.create({ collection: 'newer' }))).toMatchObject({ code: 'version_mismatch' });
    });

    it('a store that is not made is found so by verify, and so is a missing index', async () => {
      const missing = await refused(own.create({ collection: 'verified', migrate: 'verify' }));
      expect(missing).toMatchObject({ code: 'version_mismatch', message: expect.stringContaining("migrate: 'auto'") });
      await using first = own.create({ collection: 'verified' });
      await first.open();
      await using same = own.create({ collection: 'verified', migrate: 'verify' });
      await same.open();
      const fields = ['data.kind'];
      expect(await refused(own.create({ collection: 'verified', migrate: 'verify', fields }))).toMatchObject({
        code: 'version_mismatch',
        details: { missing: 'the index storage_by_data.kind' },
      });
    });
  });

  describe('what is too large', () => {
    it('JSON of more than 4 MiB is refused with the limit, bytes are not', async () => {
      await using backend = own.create({ collection: 'large' });
      await backend.open();
      await backend.records.store('k', 'old');
      const ended = await outcome(backend.records.store('k', 'x'.repeat(4 * 1024 * 1024)));
      expect(ended).toMatchObject({
        ok: false,
        error: { code: 'too_large', applied: 'no', details: { limit: 4 * 1024 * 1024, actual: 4 * 1024 * 1024 + 2 } },
      });
      expect((await backend.records.retrieve('k'))?.data).toBe('old');
      await backend.records.store('k', new Uint8Array(9_000_000).fill(7));
      expect((await backend.records.retrieve<Uint8Array>('k'))?.data).toHaveLength(9_000_000);
      await backend.records.store('k', 'x'.repeat(4 * 1024 * 1024 - 2));
      expect((await backend.records.retrieve<string>('k'))?.data).toHaveLength(4 * 1024 * 1024 - 2);
    }, 30_000);

    it('JSON of up to 4 MiB fits, however much wider it is for the server', async () => {
      await using backend = own.create({ collection: 'wide' });
      await backend.open();
      // Short arrays of short numbers take the most room beside their text.
      const digits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
      const wide = Object.fromEntries(Array.from({ length: 140_000 }, (_, index) => [index.toString(36), digits]));
      const { size } = await backend.records.store('wide', wide);
      expect(size).toBeGreaterThan(3_900_000);
      expect(await backend.records.count({ filter: { 'data.a': 7 } })).toBe(1);
    }, 60_000);
  });

  it('an injected connection is used and left open', async () => {
    const connection = await mongoose.createConnection(service.url, { dbName: own.name }).asPromise();
    try {
      const first = createMongo({ connection, collection: 'injected' });
      await first.open();
      await first.records.store('a', 1);
      await first.close();
      await using second = createMongo({ connection, collection: 'injected' });
      await second.open();
      expect((await second.records.retrieve('a'))?.data).toBe(1);
      expect((await second.health()).details['database']).toBe(own.name);
      await second.close();
      expect(connection.readyState).toBe(mongoose.ConnectionStates.connected);
    } finally {
      await connection.close();
    }
  });

  it('goes by the clock of the server', async () => {
    await using backend = own.create({ collection: 'clock' });
    await backend.open();
    const { localTime } = await own.db.admin().command({ hello: 1 });
    const { updatedAt, expiresAt } = await backend.records.store('a', 1, { ttlMs: 60_000 });
    expect(Math.abs(updatedAt.getTime() - (localTime as Date).getTime())).toBeLessThan(1000);
    expect(expiresAt?.getTime()).toBe(updatedAt.getTime() + 60_000);
  });

  it('tells in health what the server is', async () => {
    await using backend = own.create({ collection: 'health' });
    await backend.open();
    const { status, details } = await backend.health();
    expect(status).toBe('healthy');
    expect(details).toMatchObject({ database: own.name, collection: 'health', writeConcern: 'majority' });
    expect(['MongoDB', 'FerretDB']).toContain(details['engine']);
    expect(String(details['version'])).toMatch(/\d/);
  });

  it('every failure is one of this library', async () => {
    await using backend = own.create({ collection: 'failures' });
    await backend.open();
    await backend.records.store('a', 1);
    const ended = await outcome(backend.records.store('a', 2, { ifAbsent: true }));
    expect(!ended.ok && isStorageError(ended.error, 'already_exists')).toBe(true);
  });
});
