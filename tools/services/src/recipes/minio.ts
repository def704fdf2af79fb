import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type GoProgram, goInstall, missingForGo } from '../go-install.ts';
import { fetchSoon } from '../http-server.ts';
import { pinned } from '../install.ts';
import type { Facts, Recipe } from '../recipe.ts';
import { probeS3, s3Account, s3Url, takesObjects } from '../s3-server.ts';

const release = '2026-02-12T20:18:48Z';

const program: GoProgram = {
  module: 'github.com/minio/minio',
  package: 'github.com/minio/minio',
  // Go has no release tags of it; this is the commit of the release.
  version: 'v0.0.0-20260212201848-7aac2a2c5b7c',
  sum: 'h1:/qdoYujxF5MBLDMVLeiYJ/7fBa1HikX39Dvzb9Ji8pA=',
  variables: [
    `github.com/minio/minio/cmd.Version=${release}`,
    `github.com/minio/minio/cmd.ReleaseTag=RELEASE.${release.replaceAll(':', '-')}`,
  ],
};

const env = {
  MINIO_ROOT_USER: s3Account.user,
  MINIO_ROOT_PASSWORD: s3Account.password,
  MINIO_BROWSER: 'off',
  MINIO_UPDATE: 'off',
  // Or it tells nobody its version.
  MINIO_PROMETHEUS_AUTH_TYPE: 'public',
};

/** The version is among the metrics; they may be closed on a server that isn't ours. */
async function versionOf(address: URL): Promise<string> {
  const server = (await fetchSoon(address)).headers.get('server');
  if (server !== 'MinIO') throw new Error(`The server there calls itself ${server ?? 'nothing'}.`);
  const metrics = await fetchSoon(new URL('/minio/v2/metrics/node', address));
  return /^minio_software_version_info\{.*version="([^"]*)"/m.exec(await metrics.text())?.[1] ?? 'unknown';
}

async function probe(url: string): Promise<Facts> {
  return await probeS3(url, versionOf);
}

/** The real MinIO, built from its sources. */
export const minio: Recipe = {
  name: 'minio',
  server: 'MinIO',
  probe,
  docker: {
    services: ['minio'],
    url: async (port) => s3Url(await port('minio', 9000)),
  },
  missing: missingForGo,
  async install(cache) {
    const name = pinned('minio', program.version, process.platform, process.arch);
    const folder = await cache.folder(name, async (empty) => {
      cache.progress('building MinIO from its sources, which takes some minutes');
      await goInstall(empty, program);
    });
    return async (context) => {
      const port = await context.port('s3');
      const url = s3Url(port);
      const certs = join(context.data, 'certs');
      await mkdir(certs, { recursive: true });
      const args = ['server', '--quiet', '--certs-dir', certs, '--address', `127.0.0.1:${port}`];
      context.spawn(join(folder, 'bin', 'minio'), [...args, join(context.data, 'drive')], { env });
      const facts = await context.ready(async () => {
        await takesObjects(url);
        return await probe(url);
      });
      return { url, ...facts };
    };
  },
};
