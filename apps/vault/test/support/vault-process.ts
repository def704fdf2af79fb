import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
/** How long a start may take on a machine that has much else to do: what is tested is no speed. */
const startMs = 100_000;
/** How long a test that starts the Vault twice may take. */
export const processTestMs = 300_000;

/** A Vault in a process of its own. */
export interface VaultProcess {
  readonly url: string;
  /** What it has printed. */
  output(): string;
  /** Sends a signal, and waits until the process is gone. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const running = new Set<ChildProcess>();

/** Ends what a test that failed left running. */
export function killLeftovers(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** How a process that may not start ended. */
export interface Launch {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** The address, once it listens; rejects when it ends before. */
  readonly listening: Promise<string>;
  readonly exit: Promise<number | null>;
}

/** Starts the Vault from its sources on a free port. */
export function launch(env: { readonly [name: string]: string }, cwd?: string): Launch {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, ['--conditions=@storage/source', '--import', tsx, main], {
    cwd,
    env: { PATH, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let text = '';
  const exit = once(child, 'close').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  const listening = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`The Vault did not start in time:\n${text}`)), startMs);
    const read = (chunk: Buffer): void => {
      text += chunk.toString();
      const address = /answers on (http:\/\/[^ ]+)/.exec(text)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    exit.then((code) => {
      clearTimeout(timer);
      reject(new Error(`The Vault ended with ${code}:\n${text}`));
    }, reject);
  });
  // Whoever only waits for the end does not listen to this one.
  listening.catch(() => undefined);
  return { child, output: () => text, listening, exit };
}

/** Starts a Vault and waits until it listens. */
export async function startProcess(env: { readonly [name: string]: string }, cwd?: string): Promise<VaultProcess> {
  const { child, output, listening, exit } = launch(env, cwd);
  try {
    const url = await listening;
    return {
      url,
      output,
      end: (signal) => {
        child.kill(signal);
        return exit;
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** A folder that is gone afterwards. */
export async function temporaryFolder(): Promise<{ readonly path: string; readonly remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'vault-test-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** JSON to and from a Vault. */
export async function call(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: { readonly [name: string]: string } = {},
): Promise<{ readonly status: number; readonly headers: Headers; readonly body: unknown }> {
  const response = await fetch(url + path, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}
