import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A process on record. `stamp` tells it from a later one that was given the same pid. */
export interface ProcessRecord {
  readonly pid: number;
  readonly stamp: string;
}

function isGone(error: unknown): boolean {
  const { code, status } = error as NodeJS.ErrnoException & { status?: number };
  // No such process: `ps` exits with 1, and /proc has no such file (or loses it while it is read).
  return code === 'ENOENT' || code === 'ESRCH' || status === 1;
}

/** When a process was started, in whatever form the system tells it; `undefined` when it is gone, dead children that nobody reaped included. */
export function stampOf(pid: number): string | undefined {
  if (process.platform === 'linux') return statOf(pid)?.stamp;
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

export function isRunning({ pid, stamp }: ProcessRecord): boolean {
  return stampOf(pid) === stamp;
}

function statOf(pid: number): { parent: number; stamp: string } | undefined {
  try {
    // The second field is the program's name in parentheses, which may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return { parent: Number(fields[1]), stamp: fields[19] ?? '' };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** A process and all that it started, as far as the system tells. */
function family(record: ProcessRecord): ProcessRecord[] {
  if (!isRunning(record)) return [];
  if (process.platform !== 'linux') return [record];
  const all = readdirSync('/proc').flatMap((name) => {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    return stat === undefined ? [] : [{ pid: Number(name), ...stat }];
  });
  const members = [record];
  for (const { pid } of members) members.push(...all.filter(({ parent }) => parent === pid));
  return members;
}

/** Signals a process, if it is still the one on record. */
function signalProcess(record: ProcessRecord, signal: NodeJS.Signals): void {
  if (!isRunning(record)) return;
  try {
    process.kill(record.pid, signal);
  } catch (error) {
    // It ended in between.
    if (!isGone(error)) throw error;
  }
}

async function goneWithin(seconds: number, records: readonly ProcessRecord[]): Promise<boolean> {
  const deadline = Date.now() + seconds * 1_000;
  while (records.some(isRunning)) {
    if (Date.now() > deadline) return false;
    await delay(10);
  }
  return true;
}

/** Ends a process by a signal, and by SIGKILL when that does not do it in time. Resolves when it and what it started are gone. */
export async function endProcess(record: ProcessRecord, signal: NodeJS.Signals, seconds = 20): Promise<void> {
  const members = family(record);
  if (signal !== 'SIGKILL') {
    signalProcess(record, signal);
    await goneWithin(seconds, [record]);
  }
  signalAll(members);
  if (!(await goneWithin(10, members))) throw new Error(`Process ${record.pid} does not end.`);
}

function signalAll(records: readonly ProcessRecord[]): void {
  for (const record of records) signalProcess(record, 'SIGKILL');
}

/** For servers that refuse to run as root: whom to run them as; `undefined` when this process is not root. */
export function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const account = accounts.find(([user]) => user === name);
    if (account !== undefined) return { uid: Number(account[2]), gid: Number(account[3]) };
  }
  throw new Error('This runs as root, and there is neither a user postgres nor nobody to run the server as.');
}
