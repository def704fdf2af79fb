import type { Redis } from 'ioredis';
import { missingForWheels } from '../install.ts';
import type { Facts, Recipe, StartContext, Started } from '../recipe.ts';
import { installRedis, spawnRedis, versionOf, withRedis } from './redis.ts';

const members = ['node-0', 'node-1', 'node-2'];
const slots = 16_384;

/** Three masters, a third of the slots each. */
export const redisCluster: Recipe = {
  name: 'redis-cluster',
  server: 'Redis Cluster',
  probe,
  missing: missingForWheels,
  async install(cache) {
    const programs = await installRedis(cache);
    return (context) => start(programs, context);
  },
};

async function start(programs: string, context: StartContext): Promise<Started> {
  const nodes: Node[] = [];
  for (const name of members) {
    const [port, bus] = [await context.port(name), await context.port(`${name}-bus`)];
    const cluster = ['--cluster-enabled', 'yes', '--cluster-config-file', `${name}.conf`];
    const timing = ['--cluster-node-timeout', '2000', '--cluster-port', String(bus)];
    spawnRedis(programs, context, port, { name, args: [...cluster, ...timing] });
    nodes.push({ url: `redis://127.0.0.1:${port}`, port, bus });
  }
  for (const { url } of nodes) await context.ready(() => withRedis(url, (client) => client.ping()));
  const { url } = nodes[0] as Node;
  const known = await withRedis(url, listNodes);
  if (known.length === 1) await join(nodes);
  return { url, ...(await context.ready(() => probe(url))) };
}

async function listNodes(client: Redis): Promise<string[]> {
  return String(await client.cluster('NODES'))
    .trim()
    .split('\n');
}

async function join(nodes: readonly Node[]): Promise<void> {
  const share = Math.ceil(slots / nodes.length);
  for (const [index, { url }] of nodes.entries()) {
    await withRedis(url, async (client) => {
      await client.call('CLUSTER', 'ADDSLOTSRANGE', index * share, Math.min(slots, (index + 1) * share) - 1);
      // Of different epochs from the start, or they would have to find out who yields.
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
      for (const { port, bus } of nodes.slice(0, index)) await client.call('CLUSTER', 'MEET', '127.0.0.1', port, bus);
    });
  }
}

/** Ready when every node knows every other and sees all slots served. */
async function probe(url: string): Promise<Facts> {
  const { version, nodes } = await withRedis(url, async (client) => {
    const masters = (await listNodes(client)).filter((line) => /\bmaster\b/.test(line));
    return { version: await versionOf(client), nodes: masters.map((line) => line.split(/[ @]/)[1] ?? '') };
  });
  if (nodes.length < members.length)
    throw new Error(`the cluster has ${nodes.length} masters, and needs ${members.length}`);
  for (const node of nodes) {
    const address = new URL(url);
    address.host = node;
    const info = String(await withRedis(address.href, (client) => client.cluster('INFO')));
    const masters = Number(/cluster_size:(\d+)/.exec(info)?.[1]);
    if (!info.includes('cluster_state:ok') || masters < nodes.length)
      throw new Error(`${node} does not see the whole cluster yet`);
  }
  return { version, nodes };
}

interface Node {
  readonly url: string;
  readonly port: number;
  readonly bus: number;
}
