import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { composeDown } from './docker.ts';
import { homeFolder, removeFolder } from './home.ts';
import { endProcess, isRunning, type ProcessRecord, stampOf } from './process.ts';

interface RecordedProcess extends ProcessRecord {
  readonly discard: NodeJS.Signals;
}

interface Contents {
  readonly owner: ProcessRecord;
  readonly processes: readonly RecordedProcess[];
  /** Projects of Docker Compose. */
  readonly projects: readonly string[];
}

const recordFile = 'run.json';

function write(folder: string, contents: Contents): void {
  const file = join(folder, recordFile);
  writeFileSync(`${file}.new`, JSON.stringify(contents));
  renameSync(`${file}.new`, file);
}

/** What a daemon has running, written down before anything can go wrong, so that the next one can end it. */
export interface RunRecord {
  readonly folder: string;
  process(pid: number, discard: NodeJS.Signals): RecordedProcess;
  project(name: string): void;
  /** No longer there. */
  forget(what: RecordedProcess | string): void;
}

function ownRecord(): ProcessRecord {
  return { pid: process.pid, stamp: stampOf(process.pid) ?? '' };
}

/** Writes the record of a run that has nothing running yet. */
export function beginRecord(folder: string): void {
  write(folder, { owner: ownRecord(), processes: [], projects: [] });
}

export function keepRecord(folder: string): RunRecord {
  const processes = new Set<RecordedProcess>();
  const projects = new Set<string>();
  const save = (): void => write(folder, { owner: ownRecord(), processes: [...processes], projects: [...projects] });
  return {
    folder,
    process(pid, discard) {
      const record = { pid, stamp: stampOf(pid) ?? '', discard };
      processes.add(record);
      save();
      return record;
    },
    project(name) {
      projects.add(name);
      save();
    },
    forget(what) {
      if (typeof what === 'string') projects.delete(what);
      else processes.delete(what);
      save();
    },
  };
}

function readRecord(folder: string): Contents | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, recordFile), 'utf8')) as Contents;
  } catch (error) {
    // Its owner removes it in this moment.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether the daemon of this run lives. */
export function isAlive(folder: string): boolean {
  const contents = readRecord(folder);
  return contents !== undefined && isRunning(contents.owner);
}

const staleInstallMs = 3 * 3_600_000;

/**
 * Ends and removes what daemons left that were killed, and half-made folders of installs that were. What does not end now is tried
 * again by the next; `report` gets why.
 */
export async function sweep(report: (error: unknown) => void): Promise<void> {
  const runs = await homeFolder('run');
  for (const name of await readdir(runs)) {
    const folder = join(runs, name);
    if (name.startsWith('.')) await removeStale(folder, 60_000);
    else if (!isAlive(folder)) await endRun(folder).catch(report);
  }
  const cache = await homeFolder('cache');
  for (const name of await readdir(cache)) {
    if (name.startsWith('.new-')) await removeStale(join(cache, name), staleInstallMs);
  }
}

async function endRun(folder: string): Promise<void> {
  const contents = readRecord(folder);
  for (const record of [...(contents?.processes ?? [])].reverse()) await endProcess(record, record.discard, 5);
  for (const project of contents?.projects ?? []) await composeDown(project);
  await removeFolder(folder);
}

async function removeStale(folder: string, ageMs: number): Promise<void> {
  const changed = await stat(folder).then(
    ({ mtimeMs }) => mtimeMs,
    () => Date.now(),
  );
  if (Date.now() - changed > ageMs) await removeFolder(folder);
}

/** A folder in the run's, for the data of one server. */
export async function dataFolder(record: RunRecord, name: string): Promise<string> {
  return await mkdtemp(join(record.folder, `${name}-`));
}
