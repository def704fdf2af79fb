import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, chmodSync, closeSync, openSync, readFileSync } from 'node:fs';
import { copyFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { homeFolder, removeFolder } from './home.ts';
import { freePort, returnPort } from './ports.ts';
import { endProcess, isRunning } from './process.ts';
import type { Recipe, ServerProcess, SpawnOptions, StartContext, Starter } from './recipe.ts';
import { dataFolder, type RunRecord } from './run-record.ts';
import type { Service } from './service.ts';

export interface RunningServer {
  readonly service: Service;
  /** Whether it runs, as far as can be told without asking it. */
  running(): boolean;
  /** Ends it and removes its data. */
  dispose(): Promise<void>;
}

export interface LocalServer extends RunningServer {
  stop(): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
}

interface Program extends ServerProcess {
  end(signal: 'stop' | 'discard' | 'kill'): Promise<void>;
}

const keptLogs = 30;

/** Starts a server from its install. Throws with the end of its log when it does not come up; the whole log is kept then. */
export async function startLocal(
  recipe: Recipe,
  starter: Starter,
  record: RunRecord,
  durable: boolean,
): Promise<LocalServer> {
  for (let tries = 1; ; tries++) {
    const attempt = await prepare(recipe, starter, record, durable);
    try {
      await attempt.start();
      return attempt;
    } catch (error) {
      const lostPort = /address already in use|EADDRINUSE|bind.*in use/i.test(attempt.logText());
      const kept = await attempt.keepLog();
      await attempt.dispose();
      // Between finding a free port and listening on it another program may take it.
      if (lostPort && tries < 3) continue;
      throw new Error(`${recipe.server} did not start: ${(error as Error).message} Its log is ${kept}.`, {
        cause: error,
      });
    }
  }
}

async function prepare(
  recipe: Recipe,
  starter: Starter,
  record: RunRecord,
  durable: boolean,
): Promise<LocalServer & { logText(): string; keepLog(): Promise<string> }> {
  const folder = await dataFolder(record, recipe.name);
  chmodSync(folder, 0o755);
  const data = folder;
  const log = `${folder}.log`;
  const ports = new Map<string, number>();
  const cleanUps: (() => Promise<void>)[] = [];
  let programs: Program[] = [];
  let service: Service | undefined;
  const logText = (): string => readFileSync(log, { encoding: 'utf8', flag: 'a+' });

  const context: StartContext = {
    data,
    durable,
    async port(role) {
      const port = ports.get(role) ?? (await freePort());
      ports.set(role, port);
      return port;
    },
    spawn(command, args, options = {}) {
      const program = spawnProgram(record, log, folder, command, args, options);
      programs.push(program);
      return program;
    },
    atEnd(cleanUp) {
      cleanUps.push(cleanUp);
    },
    async ready(probe, seconds = 60) {
      const deadline = Date.now() + seconds * 1_000;
      let reason = 'it does not answer';
      while (Date.now() < deadline) {
        if (programs.some((program) => !program.running)) throw new Error(`a program of it ended.${logEnd(logText())}`);
        try {
          return await probe();
        } catch (error) {
          reason = (error as Error).message;
        }
        await delay(20);
      }
      throw new Error(`not ready after ${seconds} s (${reason}).${logEnd(logText())}`);
    },
  };

  const endAll = async (signal: 'stop' | 'discard' | 'kill'): Promise<void> => {
    // Newest first: they need the older ones.
    for (const program of programs.reverse()) await program.end(signal);
    programs = [];
  };

  const keepLog = async (): Promise<string> => {
    const logs = await homeFolder('logs');
    const kept = join(logs, `${new Date().toISOString().replaceAll(':', '-')}-${recipe.name}.log`);
    await copyFile(log, kept);
    const all = (await readdir(logs)).filter((name) => name.includes('T')).sort();
    for (const old of all.slice(0, -keptLogs)) await rm(join(logs, old), { force: true });
    return kept;
  };

  return {
    get service() {
      if (service === undefined) throw new Error(`${recipe.server} has not started.`);
      return service;
    },
    running: () => programs.length > 0 && programs.every((program) => program.running),
    logText,
    keepLog,
    async start() {
      if (programs.length > 0) throw new Error(`${recipe.server} runs already.`);
      try {
        const { url, version, nodes } = await starter(context);
        const how = recipe.localHow ?? 'local';
        service = { name: recipe.name, server: recipe.server, how, url, version, nodes };
      } catch (error) {
        await endAll('discard');
        throw error;
      }
    },
    stop: () => endAll('stop'),
    kill: () => endAll('kill'),
    async dispose() {
      // It ended by itself, or somebody killed it: whoever looks for the reason finds it.
      if (programs.some((program) => !program.running)) await keepLog();
      await endAll('discard');
      for (const cleanUp of cleanUps) await cleanUp();
      for (const port of ports.values()) returnPort(port);
      await removeFolder(folder);
      await rm(log, { force: true });
    },
  };
}

function logEnd(text: string): string {
  const end = text.trimEnd().split('\n').slice(-8).join('\n');
  return end === '' ? '' : `\n${end}\n`;
}

function spawnProgram(
  record: RunRecord,
  log: string,
  folder: string,
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): Program {
  const { env, account, cwd = folder, stop = 'SIGTERM', discard = 'SIGKILL' } = options;
  const output = openSync(log, 'a');
  let child: ChildProcess;
  let running = true;
  let exited: Promise<unknown> = Promise.resolve();
  try {
    child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', output, output],
      // A group of its own, so that it ends with what it started, and not by the Ctrl-C of a terminal.
      detached: true,
      ...account,
    });
    child.once('error', (error) => {
      running = false;
      appendFileSync(log, `${error.message}\n`);
    });
    exited = new Promise<void>((resolve) => {
      child.once('exit', () => {
        running = false;
        resolve();
      });
    });
  } finally {
    closeSync(output);
  }
  const recorded = child.pid === undefined ? undefined : record.process(child.pid, discard);
  return {
    pid: child.pid ?? 0,
    get running() {
      // The system knows of its end before this process is told.
      return running && recorded !== undefined && isRunning(recorded);
    },
    async end(how) {
      if (recorded === undefined) return;
      await endProcess(recorded, { stop, discard, kill: 'SIGKILL' as const }[how]);
      // Until its end was noticed here it keeps its pid, and PostgreSQL takes it for a server that runs.
      await exited;
      record.forget(recorded);
    },
  };
}
