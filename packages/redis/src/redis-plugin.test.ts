import { describe, expect, it } from '@jest/globals';
import { createRegistry, isStorageError } from '@storage/core';
import { createRedis, type RedisOptions, redisPlugin } from './index.ts';

describe('redisPlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(redisPlugin.fromEnv({})).toEqual({});
    expect(redisPlugin.fromEnv({ REDIS_HOST: 'elsewhere', REDIS_PORT: '7000', REDIS_PASSWORD: 'p' })).toEqual({
      host: 'elsewhere',
      port: 7000,
      password: 'p',
    });
    expect(redisPlugin.fromEnv({ REDIS_URL: 'redis://elsewhere' })).toEqual({ url: 'redis://elsewhere' });
    expect(() => redisPlugin.fromEnv({ REDIS_PORT: '7k' })).toThrow('REDIS_PORT');
  });

  it('registers under its name', () => {
    expect(createRegistry([redisPlugin]).find('redis')).toBe(redisPlugin);
  });
});

describe('createRedis', () => {
  it.each<[string, unknown]>([
    ['host', { host: 5 }],
    ['port', { port: 0 }],
    ['port', { port: 70_000 }],
    ['db', { db: -1 }],
    ['db', { cluster: [{ host: 'a', port: 1 }], db: 1 }],
    ['url', { url: 'http://localhost' }],
    ['url', { url: 'redis://localhost/first' }],
    ['tls', { tls: 'yes' }],
    ['masterName', { sentinels: [{ host: 'a', port: 1 }] }],
    ['masterName', { masterName: 'm' }],
    ['sentinels', { sentinels: [], masterName: 'm' }],
    ['cluster[0]', { cluster: [{ port: 1 }] }],
    ['cluster', { cluster: [{ host: 'a', port: 1 }], sentinels: [{ host: 'a', port: 1 }], masterName: 'm' }],
    ['prefix', { prefix: 'a{b}' }],
    ['index', { index: 'no' }],
    ['fields', { fields: 'data.a' }],
    ['fields', { fields: ['data.a'], index: false }],
    ['fields[0]', { fields: ['nowhere.a'] }],
    ['search', { search: 'never' }],
    ['search', { search: 'required' }],
    ['buckets', { buckets: 0 }],
    ['scanLimit', { scanLimit: 0.5 }],
    ['maxValueBytes', { maxValueBytes: 2 ** 31 }],
    ['client', { client: {} }],
  ])('refuses what %s can not be: %j', (path, options) => {
    let thrown: unknown;
    try {
      createRedis(options as RedisOptions);
    } catch (error) {
      thrown = error;
    }
    expect(isStorageError(thrown, 'invalid_argument')).toBe(true);
    expect(thrown).toMatchObject({ details: { path } });
  });

  it('never tells a password of the url', () => {
    expect(() => createRedis({ url: 'redis://user:secret@host:99999' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    );
  });

  it('states what it is sure of', () => {
    expect(createRedis().capabilities.records).toMatchObject({ query: 'scan', atomicBatches: true, list: 'ordered' });
    expect(createRedis({ buckets: 4 }).capabilities.records).toMatchObject({ atomicBatches: false });
    expect(createRedis({ index: false }).capabilities.records).toMatchObject({ query: 'none', list: 'none' });
    expect(createRedis({ fields: ['data.a'] }).capabilities.records).toMatchObject({ query: 'scan' });
    expect(createRedis({ fields: ['data.a'], search: 'required' }).capabilities.records).toMatchObject({
      query: 'indexed',
    });
  });
});
