import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { createMongo, type MongoOptions, mongoPlugin } from './index.ts';
import { mongoSettings } from './mongo-options.ts';

describe('mongoPlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(mongoPlugin.fromEnv({})).toEqual({});
    expect(mongoPlugin.fromEnv({ MONGODB_URI: 'mongodb://elsewhere' })).toEqual({ url: 'mongodb://elsewhere' });
    expect(
      mongoPlugin.fromEnv({
        MONGO_URL: 'mongodb://here',
        MONGODB_URI: 'mongodb://elsewhere',
        MONGO_DATABASE: 'app',
        MONGO_COLLECTION: 'notes',
        MONGO_FIELDS: 'data.kind, metadata.user',
      }),
    ).toEqual({
      url: 'mongodb://here',
      database: 'app',
      collection: 'notes',
      fields: ['data.kind', 'metadata.user'],
    });
  });

  it('registers under its name', () => {
    expect(createRegistry([mongoPlugin]).find('mongo')).toBe(mongoPlugin);
  });
});

describe('options', () => {
  it.each<[string, MongoOptions]>([
    ['url', { url: 'http://localhost' }],
    ['url', { url: 'mongodb://' }],
    ['database', { database: 'a b' }],
    ['database', { url: 'mongodb://localhost/a.b' }],
    ['collection', { collection: '' }],
    ['collection', { collection: 'a$b' }],
    ['collection', { collection: 'system.users' }],
    ['collection', { collection: 'x'.repeat(300) }],
    ['connection', { url: 'mongodb://localhost', connection: {} as never }],
    ['fields[0]', { fields: ['nothing.here'] }],
    ['transactions', { transactions: 'auto' as never }],
    ['changeStreams', { changeStreams: 1 as never }],
    ['writeConcern', { writeConcern: 0 }],
    ['writeConcern', { writeConcern: 'most' as never }],
    ['readConcern', { readConcern: 'snapshot' as never }],
    ['poolSize', { poolSize: 0 }],
    ['connectTimeoutMs', { connectTimeoutMs: -1 }],
    ['maxValueBytes', { maxValueBytes: 2 ** 40 }],
    ['migrate', { migrate: 'never' as never }],
  ])('names %s when it is wrong', (path, options) => {
    expect(() => createMongo(options)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { path } }),
    );
  });

  it('takes from the URL what the URL says', () => {
    const plain = mongoSettings({ url: 'mongodb://localhost' });
    expect(plain).toMatchObject({
      database: 'storage',
      writeConcern: 'majority',
      readConcern: 'majority',
      poolSize: 10,
    });
    const said = mongoSettings({ url: 'mongodb://u:p@a:1,b:2/app%5F1?w=1&maxPoolSize=3&readConcernLevel=local' });
    expect(said).toMatchObject({
      database: 'app_1',
      writeConcern: undefined,
      readConcern: undefined,
      poolSize: undefined,
    });
  });

  it('tells by its capabilities what the options promise', () => {
    expect(createMongo().capabilities).toMatchObject({ messaging: false, transactions: false });
    expect(createMongo({ changeStreams: true }).capabilities.messaging).toEqual({ scope: 'server' });
    expect(createMongo().messaging).toBeUndefined();
  });
});
