import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { missingForWheels } from '../install.ts';
import type { Facts, Recipe, StartContext, Started } from '../recipe.ts';
import { installRedis, spawnRedis, versionOf, withRedis } from './redis.ts';

/** What the sentinels call the group of servers that they watch. */
const master = 'mymaster';
const sentinels = ['sentinel-0', 'sentinel-1', 'sentinel-2'];

/** A master and a replica of it, watched by three sentinels, two of which must agree that the master is gone. */
export const redisSentinel: Recipe = {
  name: 'redis-sentinel',
  server: 'Redis Sentinel',
  probe,
  missing: missingForWheels,
  async install(cache) {
    const programs = await installRedis(cache);
    return (context) => start(programs, context);
  },
};

async function start(programs: string, context: StartContext): Promise<Started> {
  const [main, replica] = [await context.port('master'), await context.port('replica')];
  // Which of them leads may have changed since; the sentinels, who know, correct both.
  spawnRedis(programs, context, main, { name: 'master' });
  spawnRedis(programs, context, replica, { name: 'replica', args: ['--replicaof', `127.0.0.1 ${main}`] });
  const nodes: string[] = [];
  for (const name of sentinels) {
    const port = await context.port(name);
    nodes.push(`127.0.0.1:${port}`);
    // A sentinel writes what it learns into its file, and has to find it there again.
    const file = join(context.data, `${name}.conf`);
    if (!existsSync(file)) {
      const lines = [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${context.data}`,
        `sentinel monitor ${master} 127.0.0.1 ${main} 2`,
        `sentinel down-after-milliseconds ${master} 1000`,
        `sentinel failover-timeout ${master} 3000`,
      ];
      await writeFile(file, `${lines.join('\n')}\n`);
    }
    context.spawn(join(programs, 'bin', 'redis-server'), [file, '--sentinel'], {
      env: { LC_ALL: 'C', LD_LIBRARY_PATH: join(programs, 'lib') },
    });
  }
  const [first] = nodes;
  const url = `redis://${first}`;
  const facts = await context.ready(async () => {
    const seen = await probe(url);
    if (seen.nodes.length < nodes.length) throw new Error('the sentinels do not know one another yet');
    return seen;
  });
  return { url, version: facts.version, nodes };
}

/** Asks the sentinel at the URL. */
async function probe(url: string): Promise<Facts> {
  const nodes = await withRedis(url, async (sentinel) => {
    const { hostname, port } = new URL(url);
    const state = fields(await sentinel.call('SENTINEL', 'MASTER', master));
    if (Number(state['num-slaves']) < 1 || state['flags'] !== 'master') throw new Error(`the master is not ready yet`);
    const others = (await sentinel.call('SENTINEL', 'SENTINELS', master)) as unknown[];
    const found = others.map(fields).map((other) => `${other['ip']}:${other['port']}`);
    return [`${hostname}:${port}`, ...found];
  });
  const version = await withRedis(url, async (sentinel) => await versionOf(sentinel));
  return { version, nodes };
}

/** The sentinels' answers: a map, or names and values in turn. */
function fields(answer: unknown): Record<string, string> {
  if (!Array.isArray(answer)) return answer as Record<string, string>;
  const pairs = answer.flatMap((name, index) => (index % 2 === 0 ? [[String(name), String(answer[index + 1])]] : []));
  return Object.fromEntries(pairs) as Record<string, string>;
}
