import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that is removed at the end of its scope. */
export interface Scratch extends Disposable {
  readonly path: string;
}

export function scratch(): Scratch {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'storage-filesystem-')));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A process of its own that runs a program with the backend at hand, as `createFilesystem`. */
export interface Program {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  output(): string;
  /** Resolves with its exit code when it has ended and all of its output is here; `null`: it was killed. */
  readonly ended: Promise<number | null>;
}

const prelude = `
  import { createFilesystem } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
  import { update } from '@storage/core';
`;

/** Starts a program. `asUser`: without the rights of the user who runs the tests. `limits`: a shell command that sets limits first. */
export function run(program: string, options: { readonly asUser?: number; readonly limits?: string } = {}): Program {
  const node = [
    process.execPath,
    '--conditions=@storage/source',
    '--import',
    'tsx',
    '--input-type=module',
    '-e',
    prelude + program,
  ];
  const [command = '', ...args] =
    options.limits === undefined ? node : ['/bin/sh', '-c', `${options.limits}; exec "$@"`, 'sh', ...node];
  const child = spawn(command, args, {
    cwd: new URL('..', import.meta.url).pathname,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
    ...(options.asUser !== undefined && { uid: options.asUser, gid: options.asUser }),
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    errors += String(chunk);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== null && code !== 0) reject(new Error(`The program ended with ${code}: ${errors}`));
      else resolve(code);
    });
  });
  return { child, output: () => output, ended };
}
