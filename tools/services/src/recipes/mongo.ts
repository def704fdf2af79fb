import { existsSync } from 'node:fs';
import { chown, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { missingForDebian, runWithLibraries, unpackDebian } from '../debian-packages.ts';
import { type GoProgram, goInstall, missingForGo } from '../go-install.ts';
import { openToAll, pinned, run } from '../install.ts';
import { mongoDocker, probeMongo } from '../mongo-server.ts';
import { unprivileged } from '../process.ts';
import type { Recipe, StartContext, Started } from '../recipe.ts';
import { returnMemory } from './postgres.ts';

const ferret: GoProgram = {
  module: 'github.com/FerretDB/FerretDB/v2',
  package: 'github.com/FerretDB/FerretDB/v2/cmd/ferretdb',
  version: 'v2.7.0',
  sum: 'h1:e68kyioANdGrATjgVINPCJgsSN7H+cOPMDGvJoYxz5E=',
};

/** The first suite of Debian that has the extension. Its mirrors keep the newest version alone, so that no version is pinned. */
const suite = 'forky';
const extension = 'postgresql-18-documentdb';
const programs = 'usr/lib/postgresql/18/bin';

/** No MongoDB is to be had from a registry. FerretDB speaks its protocol, over PostgreSQL with the DocumentDB extension. */
export const mongo: Recipe = {
  name: 'mongo',
  server: 'MongoDB',
  localHow: 'other-engine',
  probe: probeMongo,
  docker: mongoDocker,
  async missing() {
    return (await missingForDebian()) ?? (await missingForGo());
  },
  async install(cache) {
    const name = pinned('ferretdb', ferret.version, process.platform, process.arch);
    const front = await cache.folder(name, async (empty) => {
      cache.progress('building FerretDB from its sources, which takes a minute');
      await goInstall(empty, ferret);
    });
    const engine = await cache.folder(pinned('documentdb', suite, extension), async (empty) => {
      cache.progress('unpacking PostgreSQL with DocumentDB');
      await unpackDebian(empty, suite, extension);
      const modules = 'usr/lib/postgresql/18/lib';
      for (const program of ['postgres', 'initdb']) await runWithLibraries(empty, join(programs, program), modules);
      // Else made when the package is installed.
      const control = join(empty, 'usr/share/postgresql/18/extension/postgis.control');
      await symlink('postgis-3.control', control);
      await openToAll(empty);
    });
    return (context) => start(join(front, 'bin/ferretdb'), join(engine, programs), context);
  },
};

async function start(front: string, engine: string, context: StartContext): Promise<Started> {
  const { data } = context;
  const account = unprivileged();
  const env = { LC_ALL: 'C', TZ: 'UTC', HOME: data };
  const cluster = join(data, 'cluster');
  const state = join(data, 'state');
  const port = await context.port('mongo');
  const enginePort = await context.port('postgres');
  const runAs = { env, account, cwd: data };
  if (!existsSync(cluster)) {
    await mkdir(state);
    if (account !== undefined) for (const folder of [data, state]) await chown(folder, account.uid, account.gid);
    const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const options = ['-D', cluster, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync', ...locale];
    await run(join(engine, 'initdb'), options, runAs);
  }
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'shared_preload_libraries=pg_cron,pg_documentdb_core,pg_documentdb',
    'cron.database_name=postgres',
    'documentdb_core.enableCollation=on',
    'timezone=UTC',
    'log_timezone=UTC',
    'jit=off',
    'max_connections=200',
    ...(context.durable ? [] : ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off']),
  ].flatMap((setting) => ['-c', setting]);
  const engineArgs = ['-D', cluster, '-p', String(enginePort), ...settings];
  context.spawn(join(engine, 'postgres'), engineArgs, { ...runAs, stop: 'SIGINT', discard: 'SIGQUIT' });
  context.atEnd(() => returnMemory(cluster));
  const engineUrl = `postgres://postgres@127.0.0.1:${enginePort}/postgres`;
  await context.ready(() => addExtension(engineUrl));
  context.spawn(
    front,
    [
      ...[`--listen-addr=127.0.0.1:${port}`, `--postgresql-url=${engineUrl}?pool_max_conns=50`, '--no-auth'],
      ...['--debug-addr=-', '--telemetry=disable', '--log-level=ERROR', `--state-dir=${state}`],
    ],
    runAs,
  );
  const url = `mongodb://127.0.0.1:${port}/`;
  return { url, ...(await context.ready(() => probeMongo(url))) };
}

async function addExtension(url: string): Promise<void> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('CREATE EXTENSION IF NOT EXISTS documentdb CASCADE');
  } finally {
    await client.end();
  }
}
