import { fileURLToPath } from 'node:url';
import { findProgram, run } from './install.ts';
import type { RunningServer } from './local-server.ts';
import type { Recipe } from './recipe.ts';
import type { RunRecord } from './run-record.ts';
import type { Service } from './service.ts';

const composeFile = fileURLToPath(new URL('../../../docker/compose.yaml', import.meta.url));

let answers: Promise<boolean> | undefined;

/** Whether a Docker daemon answers at once, and `STORAGE_SERVICES_DOCKER` is not `no`. Asked once. */
export function hasDocker(): Promise<boolean> {
  answers ??= (async () => {
    if (process.env['STORAGE_SERVICES_DOCKER'] === 'no' || (await findProgram('docker')) === undefined) return false;
    const asked = run('docker', ['version', '--format', '{{.Server.Version}}'], { minutes: 3 / 60 });
    return await asked.then(
      () => true,
      () => false,
    );
  })();
  return answers;
}

async function compose(project: string, args: readonly string[], minutes: number): Promise<string> {
  // The servers are in a profile; without it `down` would leave them.
  const env = { COMPOSE_PROFILES: 'servers' };
  return await run('docker', ['compose', '-p', project, '-f', composeFile, ...args], { minutes, env });
}

export async function composeDown(project: string): Promise<void> {
  await compose(project, ['down', '--volumes', '--timeout', '0'], 1);
}

/** Brings the containers of a server up, on ports of loopback that Docker picks. */
export async function startContainers(
  recipe: Recipe,
  record: RunRecord,
  progress: (text: string) => void,
): Promise<RunningServer> {
  const { docker } = recipe;
  if (docker === undefined) throw new Error(`${recipe.server} has no image.`);
  const project = `storage-services-${process.pid}-${recipe.name}`;
  const dispose = async (): Promise<void> => {
    await composeDown(project);
    record.forget(project);
  };
  record.project(project);
  progress('starting in Docker');
  try {
    await compose(project, ['up', '--detach', '--wait', ...docker.services], 10);
    const url = await docker.url(async (service, containerPort) => {
      const address = await compose(project, ['port', service, String(containerPort)], 1);
      const port = Number(address.trim().split(':').at(-1));
      if (!Number.isInteger(port)) throw new Error(`Docker published no port for ${service}:${containerPort}.`);
      return port;
    });
    const facts = await recipe.probe(url);
    const service: Service = { name: recipe.name, server: recipe.server, how: 'docker', url, ...facts };
    return { service, running: () => true, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
