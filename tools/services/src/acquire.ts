import { hasDocker, startContainers } from './docker.ts';
import { createCache } from './home.ts';
import { type LocalServer, type RunningServer, startLocal } from './local-server.ts';
import type { Recipe } from './recipe.ts';
import { urlVariable } from './recipes.ts';
import type { RunRecord } from './run-record.ts';
import type { AbsentService, ServiceName } from './service.ts';

type Progress = (text: string) => void;

/** Installs and starts it here. A failed install or start is an absence, with the reason. */
export async function acquireLocal(
  recipe: Recipe,
  record: RunRecord,
  durable: boolean,
  progress: Progress,
): Promise<LocalServer | AbsentService> {
  const why = await recipe.missing();
  if (why !== undefined) return absent(recipe, why);
  try {
    const starter = await recipe.install(createCache(progress));
    progress('starting');
    return await startLocal(recipe, starter, record, durable);
  } catch (error) {
    return absent(recipe, (error as Error).message);
  }
}

/** From Docker where it answers and has it, else installed here. */
export async function acquire(
  recipe: Recipe,
  record: RunRecord,
  progress: Progress,
): Promise<RunningServer | AbsentService> {
  let noContainers: string | undefined;
  if (recipe.docker !== undefined && (await hasDocker())) {
    try {
      return await startContainers(recipe, record, progress);
    } catch (error) {
      noContainers = (error as Error).message;
      progress(`not from Docker: ${noContainers}`);
    }
  }
  const local = await acquireLocal(recipe, record, false, progress);
  if (!isAbsent(local) || noContainers === undefined) return local;
  return { ...local, why: `${local.why} From Docker: ${noContainers}` };
}

export function isAbsent(result: object): result is AbsentService {
  return 'how' in result && result.how === 'absent';
}

function absent({ name, server }: { name: ServiceName; server: string }, why: string): AbsentService {
  const other = `Start Docker, or set ${urlVariable(name)}.`;
  return { name, server, how: 'absent', why: `${why.trim().replace(/[.]?$/, '.')} ${other}` };
}
