import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Call } from '@storage/backend-kit';
import { StorageError } from '@storage/core';

/** A server of this machine that this process started. */
export interface ChromaServer {
  readonly port: number;
  /** Ends it, and waits until it has ended. */
  stop(): Promise<void>;
}

/** How long a server may take to answer, in milliseconds. */
const startMs = 60_000;
/** How long it may take to end before it is killed. */
const stopMs = 10_000;

/**
 * Runs between this process and the server, and ends it as soon as this process is gone, however it went: then the pipe closes.
 */
const guard = `
const { spawn } = require('node:child_process');
const [program, ...args] = process.argv.slice(1);
const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
child.on('error', (error) => { process.stderr.write(String(error.message)); process.exit(127); });
child.on('exit', (code) => process.exit(code ?? 1));
const end = () => { child.kill(); setTimeout(() => child.kill('SIGKILL'), ${stopMs}).unref(); };
process.stdin.on('end', end).on('error', end).resume();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, end);
`;

const python = 'import sys, chromadb_rust_bindings as chroma; chroma.cli(["chroma", *sys.argv[1:]])';

/** The ways to a server, best first. */
function programs(): readonly { readonly name: string; readonly command: readonly string[] }[] {
  const npm = fileURLToPath(new URL('./cli.mjs', import.meta.resolve('chromadb')));
  return [
    { name: 'the program chroma on the PATH', command: ['chroma'] },
    { name: "Python's package chromadb (python3)", command: ['python3', '-c', python] },
    { name: 'the npm package chromadb', command: [process.execPath, npm] },
  ];
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('The system gave no port.');
  return address.port;
}

/** A guarded server, and what it said while it could not be reached. */
class GuardedServer implements ChromaServer {
  readonly port: number;
  readonly #guard: ChildProcess;
  readonly #ended: Promise<void>;
  #said = '';
  #running = true;

  constructor(port: number, command: readonly string[], folder: string) {
    this.port = port;
    const args = ['run', '--path', folder, '--host', '127.0.0.1', '--port', String(port)];
    this.#guard = spawn(process.execPath, ['--eval', guard, ...command, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '' },
      detached: true,
    });
    for (const stream of [this.#guard.stdout, this.#guard.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#said = (this.#said + chunk.toString()).slice(-2000);
      });
    this.#ended = new Promise((resolve) => {
      const ended = (): void => {
        this.#running = false;
        resolve();
      };
      this.#guard.once('exit', ended).once('error', (error) => {
        this.#said += error.message;
        ended();
      });
    });
    this.#guard.stdin?.on('error', (error) => {
      this.#said += error.message;
    });
  }

  get running(): boolean {
    return this.#running;
  }

  /** The last line that it said. */
  get lastWords(): string {
    return this.#said.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
  }

  /** Nothing of it keeps this process from ending by itself. */
  letGo(): void {
    this.#guard.unref();
    for (const stream of this.#guard.stdio) (stream as { unref?(): void } | null)?.unref?.();
  }

  async answers(): Promise<boolean> {
    try {
      const reply = await fetch(`http://127.0.0.1:${this.port}/api/v2/heartbeat`, {
        signal: AbortSignal.timeout(2000),
      });
      await reply.arrayBuffer();
      return reply.ok;
    } catch (error) {
      this.#said ||= String(error);
      return false;
    }
  }

  async stop(): Promise<void> {
    if (this.#running) this.#guard.ref();
    this.#guard.stdin?.end();
    await this.#ended;
  }
}

async function tryProgram(command: readonly string[], folder: string, call: Call): Promise<GuardedServer> {
  const server = new GuardedServer(await freePort(), command, folder);
  try {
    for (const end = performance.now() + startMs; server.running && performance.now() < end; await delay(20)) {
      call.check();
      if (await server.answers()) {
        server.letGo();
        return server;
      }
    }
  } catch (error) {
    await server.stop();
    throw error;
  }
  await server.stop();
  throw new Error(server.lastWords);
}

/** Starts a server on a folder, by the first program that does it. */
export async function startChroma(folder: string, call: Call): Promise<ChromaServer> {
  await mkdir(folder, { recursive: true });
  const failures: string[] = [];
  for (const { name, command } of programs()) {
    try {
      return await tryProgram(command, folder, call);
    } catch (error) {
      call.check();
      failures.push(`${name}: ${(error as Error).message}`);
    }
  }
  throw new StorageError({
    code: 'unavailable',
    message:
      'No Chroma server could be started for `persistDirectory`; install one (pip install chromadb), or run one elsewhere and give `host` and `port` instead.',
    retryable: false,
    details: { path: 'persistDirectory', tried: failures },
  });
}
