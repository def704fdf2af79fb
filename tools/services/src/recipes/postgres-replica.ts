import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../install.ts';
import { unprivileged } from '../process.ts';
import type { Facts, Recipe, StartContext, Started } from '../recipe.ts';
import { environment, installPostgres, missingForPostgres, probe, spawnPostgres, start } from './postgres.ts';

/** A PostgreSQL and a standby that streams from it and answers reads. Nodes: first the primary, then the standby. */
export const postgresReplica: Recipe = {
  name: 'postgres-replica',
  server: 'PostgreSQL with a standby',
  probe: probePair,
  missing: missingForPostgres,
  async install(cache) {
    const programs = await installPostgres(cache);
    return (context) => startPair(programs, context);
  },
};

/** A URL can name one server; it names the standby in its query: `?replica=host:port`. */
async function probePair(url: string): Promise<Facts> {
  const standby = new URL(url).searchParams.get('replica');
  if (standby === null) throw new Error('the URL does not name the standby: ?replica=host:port');
  const { version, nodes } = await probe(url);
  await probe(standbyUrl(url, standby));
  return { version, nodes: [...nodes, standby] };
}

function standbyUrl(url: string, node: string): string {
  const there = new URL(url);
  there.host = node;
  return there.href;
}

async function startPair(programs: string, context: StartContext): Promise<Started> {
  // What is committed is sent at once, not when the log is written next.
  const primary = await start(programs, context, ['synchronous_commit=on']);
  const [port, standbyPort] = [await context.port('postgres'), await context.port('standby')];
  const cluster = join(context.data, 'standby');
  if (!existsSync(cluster)) {
    // Writes down how to stream from the primary, too.
    await run(
      join(programs, 'pg_basebackup'),
      [
        ...['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-D', cluster],
        ...['--write-recovery-conf', '--wal-method=stream', '--checkpoint=fast', '--no-sync'],
      ],
      { cwd: context.data, env: { ...environment, PGPASSWORD: 'postgres' }, account: unprivileged() },
    );
  }
  await spawnPostgres(programs, context, cluster, standbyPort);
  const standby = `127.0.0.1:${standbyPort}`;
  return { ...primary, url: `${primary.url}?replica=${standby}`, nodes: [...primary.nodes, standby] };
}
