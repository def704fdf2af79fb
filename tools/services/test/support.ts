import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connectRunning } from '../src/client.ts';
import { homeFolder } from '../src/home.ts';
import { isRunning, type ProcessRecord } from '../src/process.ts';
import type { DaemonStatus } from '../src/protocol.ts';
import { urlVariable } from '../src/recipes.ts';
import { type Service, type ServiceName, serviceNames } from '../src/service.ts';

/** A home of a test's own, with what is installed already and nothing that runs. Servers come from there alone. */
export async function freshHome(options: { readonly cache: boolean } = { cache: true }): Promise<AsyncDisposable> {
  const cache = await homeFolder('cache');
  // Short: a socket's path has little room.
  const folder = await mkdtemp(join(tmpdir(), 'services-'));
  if (options.cache) await symlink(cache, join(folder, 'cache'));
  else await mkdir(join(folder, 'cache'));
  const restore = setEnv({
    STORAGE_SERVICES_HOME: folder,
    STORAGE_SERVICES_DOCKER: 'no',
    ...Object.fromEntries(serviceNames.map((name) => [urlVariable(name), ''])),
  });
  return {
    async [Symbol.asyncDispose]() {
      if ((await daemonStatus()) !== undefined) await signalDaemon('SIGTERM');
      await until('the daemon has ended', async () => (await runs()).length === 0);
      restore();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function runs(): Promise<string[]> {
  return (await readdir(await homeFolder('run'))).filter((name) => !name.startsWith('.'));
}

/** What a daemon has on record. */
export async function recorded(): Promise<{ processes: readonly ProcessRecord[]; folders: readonly string[] }> {
  const [name] = await runs();
  const folder = join(await homeFolder('run'), name ?? '');
  const { processes } = JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')) as { processes: ProcessRecord[] };
  const entries = await readdir(folder, { withFileTypes: true });
  return { processes, folders: entries.filter((each) => each.isDirectory()).map((each) => join(folder, each.name)) };
}

export async function daemonStatus(): Promise<DaemonStatus | undefined> {
  const connection = await connectRunning();
  const answer = await connection?.ask({ ask: 'status' });
  await connection?.close();
  return answer !== undefined && 'status' in answer ? answer.status : undefined;
}

/** Sets variables; answers how to undo that. */
function setEnv(values: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, values);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}

/** Sets variables for the time of `body`. */
export async function withEnv<Result>(
  values: Readonly<Record<string, string>>,
  body: () => Promise<Result> | Result,
): Promise<Result> {
  const restore = setEnv(values);
  try {
    return await body();
  } finally {
    restore();
  }
}

/** Signals the daemon, of which there must be one. */
export async function signalDaemon(signal: NodeJS.Signals): Promise<void> {
  const daemon = await daemonStatus();
  if (daemon === undefined) throw new Error('No daemon runs.');
  process.kill(daemon.pid, signal);
}

export async function until(what: string, holds: () => boolean | Promise<boolean>, seconds = 20): Promise<void> {
  const deadline = Date.now() + seconds * 1_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Not within ${seconds} s: ${what}.`);
    await delay(50);
  }
}

export const gone = (processes: readonly ProcessRecord[]): boolean => !processes.some(isRunning);

export interface Holder extends AsyncDisposable {
  readonly service: Service;
  kill(): Promise<void>;
}

const packageFolder = fileURLToPath(new URL('../', import.meta.url));

/** Another process that holds a lease. */
export async function hold(name: ServiceName): Promise<Holder> {
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', 'test/fixtures/hold.ts', name], {
    cwd: packageFolder,
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  if (child.stdout === null) throw new Error('No output.');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value, done } = await lines.next();
  if (done === true) throw new Error(`The process that should lease ${name} ended.`);
  return { service: JSON.parse(String(value)) as Service, kill, [Symbol.asyncDispose]: kill };
}

/** Runs a fixture with a Jest of its own; answers its exit code and what it printed. */
export async function runJest(
  fixture: string,
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<{ code: number; output: string }> {
  const jest = fileURLToPath(import.meta.resolve('jest/bin/jest'));
  const match = `<rootDir>/test/fixtures/${fixture}`;
  const args = [
    '--experimental-vm-modules',
    jest,
    '--projects',
    packageFolder,
    '--testMatch',
    match,
    '--runInBand',
    '--reporters',
    'default',
  ];
  const child = spawn(process.execPath, args, { cwd: folder, env: { ...process.env, NODE_OPTIONS: '', ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}
