// Starts the other processes of a bench, and ends them.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LoadAnswer, LoadOrder, Target } from './load.ts';
import type { Side } from './measure.ts';

/** Tests run the sources, everybody else what was built of them. */
const source = import.meta.url.endsWith('.ts');

/** A program of this package, by its path without the ending. */
export function ownProgram(path: string): string {
  return fileURLToPath(new URL(`../${path}.${source ? 'ts' : 'js'}`, import.meta.url));
}

/** The program of another package of the workspace. */
export function programOf(name: string): string {
  const folder = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  return source ? join(folder, 'src', 'main.ts') : join(folder, 'dist', 'main.js');
}

/** A process that was started. */
export interface Program {
  readonly process: ChildProcess;
  /** Asks it to end and waits until it has. */
  stop(): Promise<void>;
}

/** Starts a program. It ends with this process at the latest. */
export function startProgram(path: string, env: NodeJS.ProcessEnv = {}): Program {
  const child = fork(path, {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    execArgv: source ? ['--conditions=@storage/source', '--import', 'tsx'] : [],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', kill);
  return {
    process: child,
    async stop() {
      process.off('exit', kill);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

const patienceMs = 20_000;

/** The origin that a server prints when it listens: the first one on its standard output. */
export function originOf({ process: child }: Program): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => settle(() => reject(unheard('has not said where it listens'))), patienceMs);
    const unheard = (what: string): Error => new Error(`${child.spawnargs.at(-1)} ${what}. It printed: ${text}`);
    const settle = (how: () => void): void => {
      clearTimeout(timer);
      child.stdout?.off('data', read);
      child.off('exit', left);
      // What it prints from now on is nobody's concern, and must not fill the pipe.
      child.stdout?.resume();
      how();
    };
    const read = (chunk: Buffer): void => {
      text += chunk.toString();
      const origin = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
      if (origin !== undefined) settle(() => resolve(origin));
    };
    const left = (): void => settle(() => reject(unheard('has ended')));
    child.stdout?.on('data', read);
    child.once('exit', left);
  });
}

/** The load process, seen from here. */
export interface Load {
  /** A side that sends its operations as requests. */
  side(target: Target): Promise<Side>;
  stop(): Promise<void>;
}

type Unnumbered = LoadOrder extends infer Order ? (Order extends LoadOrder ? Omit<Order, 'id'> : never) : never;

/** Starts the load process. */
export function startLoad(): Load {
  const program = startProgram(ownProgram('src/load'));
  const waiting = new Map<number, { readonly resolve: () => void; readonly reject: (error: Error) => void }>();
  let orders = 0;
  let targets = 0;
  program.process.on('message', ({ id, error }: LoadAnswer) => {
    const caller = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) caller?.resolve();
    else caller?.reject(new Error(error));
  });
  program.process.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('The load process has ended.'));
  });

  function order(what: Unnumbered): Promise<void> {
    const id = orders++;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      program.process.send({ ...what, id } as LoadOrder);
    });
  }

  return {
    async side(target) {
      const number = targets++;
      await order({ open: target });
      return { run: (from, count) => order({ run: { target: number, from, count } }) };
    },
    stop: () => program.stop(),
  };
}
