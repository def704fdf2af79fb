import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { leaseService, startOwn } from '../src/index.ts';
import { onOwnService } from '../src/testing.ts';
import { freshHome, runs, signalDaemon, until, withEnv } from './support.ts';

const fixtures = fileURLToPath(new URL('./fixtures/', import.meta.url));

/** Leases Redis where a `docker` is on the PATH whose `up` ends with this exit code; answers what it was asked, too. */
async function leaseFromDocker(upCode: number, port: string) {
  await using _home = await freshHome();
  const log = join(process.env['STORAGE_SERVICES_HOME'] ?? '', 'docker.log');
  const env = {
    STORAGE_SERVICES_DOCKER: '',
    PATH: `${fixtures}${delimiter}${process.env['PATH']}`,
    FAKE_DOCKER_LOG: log,
    FAKE_DOCKER_PORT: port,
    FAKE_DOCKER_UP: String(upCode),
  };
  return await withEnv(env, async () => {
    const service = await leaseService('redis');
    if ('release' in service) await service.release();
    await signalDaemon('SIGTERM');
    await until('the daemon has ended', async () => (await runs()).length === 0);
    const asked = (await readFile(log, 'utf8')).trim().split('\n');
    return {
      service,
      asked: asked.map((line) => line.replace(/-p \S+ -f \S+docker\/compose\.yaml/, '…')),
    };
  });
}

await onOwnService('redis', () => {
  test('containers are taken before a local install, on the port that they published, and removed in the end', async () => {
    await using own = await startOwn('redis');
    const { service, asked } = await leaseFromDocker(0, new URL(own.url).port);
    expect(service).toMatchObject({ how: 'docker', url: own.url, version: own.version });
    expect(asked).toEqual([
      'version --format {{.Server.Version}}',
      'compose … up --detach --wait redis',
      'compose … port redis 6379',
      'compose … down --volumes --timeout 0',
    ]);
  }, 30_000);

  test('where the containers do not come up, they are removed and a local install serves', async () => {
    const { service, asked } = await leaseFromDocker(1, '1');
    expect(service).toMatchObject({ how: 'local' });
    expect(asked.slice(1)).toEqual(['compose … up --detach --wait redis', 'compose … down --volumes --timeout 0']);
  }, 30_000);
});
