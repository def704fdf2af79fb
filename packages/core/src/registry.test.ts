import { describe, expect, test } from '@jest/globals';
import { stubBackend } from '../test/stub-backend.ts';
import { definePlugin, type Plugin } from './plugin.ts';
import { canonicalName, createRegistry, defaultRegistry, installHint } from './registry.ts';

const redis = definePlugin({
  name: 'redis',
  contract: 1,
  fromEnv: (env) => ({ host: env['REDIS_HOST'] ?? 'nowhere' }),
  create: ({ host }: { host: string }) => stubBackend({ name: `redis at ${host}` }),
});
const postgres = definePlugin({ ...redis, name: 'postgres' });

test('creates a backend from options and from the environment', () => {
  const registry = createRegistry([redis]);
  expect(registry.create('redis', { host: 'a' }).name).toBe('redis at a');
  expect(registry.createFromEnv('redis', { REDIS_HOST: 'b' }).name).toBe('redis at b');
});

test('lists its names and finds plugins by their aliases', () => {
  const registry = createRegistry([redis]).use(postgres);
  expect(registry.names()).toEqual(['postgres', 'redis']);
  for (const alias of ['postgres', 'postgresql', 'pg']) expect(registry.find(alias)).toBe(postgres);
  expect(registry.find('mongo')).toBeUndefined();
});

describe('an unknown name', () => {
  test('lists what is registered and the package to install', () => {
    expect(() => createRegistry([redis]).createFromEnv('s3', {})).toThrow(
      expect.objectContaining({
        code: 'not_registered',
        message:
          "Plugin 's3' is not registered; registered: redis. Run `npm install @storage/s3` and register its `s3Plugin`, or import '@storage/s3/register'.",
        details: { name: 's3', registered: ['redis'] },
      }),
    );
  });

  test('says the package of an alias', () => {
    expect(() => createRegistry().createFromEnv('postgresql', {})).toThrow(
      /registered: none\. Run `npm install @storage\/postgres`/,
    );
  });

  test('promises no package that is not there', () => {
    expect(installHint('dynamo')).toBe('');
    expect(installHint('__proto__')).toBe('');
    expect(canonicalName('constructor')).toBe('constructor');
  });
});

test('a plugin of another contract is refused with both versions and the fix', () => {
  const old = { ...redis, contract: 2 } as unknown as Plugin;
  expect(() => createRegistry().use(old)).toThrow(
    expect.objectContaining({
      code: 'version_mismatch',
      message:
        "Plugin 'redis' is made for contract 2, @storage/core has contract 1. Install the same major version of @storage/core and @storage/redis.",
      details: { plugin: 'redis', contract: 2, expected: 1 },
    }),
  );
});

test('a taken name is an error unless asked to replace; the same plugin twice is not', () => {
  const registry = createRegistry([redis]);
  const other = definePlugin({ ...redis, create: () => stubBackend({ name: 'other' }) });
  expect(() => registry.use(other)).toThrow(
    expect.objectContaining({ code: 'already_exists', message: expect.stringContaining('{ replace: true }') }),
  );
  registry.use(redis);
  registry.use(other, { replace: true });
  expect(registry.createFromEnv('redis', {}).name).toBe('other');
});

test.each([[undefined], [null], ['redis'], [{}], [{ name: 'x' }]])('use(%j) says what a plugin is', (value) => {
  expect(() => createRegistry().use(value as unknown as Plugin)).toThrow(/use\(\) takes a plugin/);
});

test('the default registry is shared by every copy of the package', () => {
  const home = globalThis as { [key: symbol]: unknown };
  expect(defaultRegistry()).toBe(defaultRegistry());
  expect(home[Symbol.for('@storage/registry/1')]).toBe(defaultRegistry());
});
