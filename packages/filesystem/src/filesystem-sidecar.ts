import { closeSync, fstatSync } from 'node:fs';
import type { WriteHead } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import { type Identity, openExisting, readInto, renameFile } from './filesystem-files.ts';
import type { Folder, Folders } from './filesystem-folders.ts';
import { controlFolder } from './filesystem-layout.ts';
import type { Lock } from './filesystem-locks.ts';
import { type Staging, workFolder } from './filesystem-staging.ts';

/** What is kept of records beside their files is here, a file each. */
export const sidecarFolder: readonly string[] = [controlFolder, 'meta'];

/** What is known of one state of a record's file. */
export interface Entry {
  /** Size and modification time of the file that it describes. */
  readonly size: number;
  readonly mtime: number;
  readonly etag: string;
  readonly kind: 'json' | 'bytes';
  readonly contentType: string;
  /** JSON text. */
  readonly metadata: string;
  readonly expiresAt: number | null;
}

/** A sidecar: of the file that is there, and of the one that is about to take its place. */
export interface Sidecar {
  readonly ns: string;
  readonly key: string;
  readonly entries: readonly Entry[];
}

/** Media types that go without saying. */
export function defaultType(kind: 'json' | 'bytes'): string {
  return kind === 'json' ? 'application/json' : 'application/octet-stream';
}

/** Extensions of files that hold something else than JSON, whatever they look like. */
const otherFiles: ReadonlySet<string> = new Set(
  'bin txt md csv tsv log html htm xml yml yaml toml ini css js ts py sh png jpg jpeg gif webp svg ico pdf zip gz tar tgz mp3 mp4 wav ogg webm woff2 wasm parquet'.split(
    ' ',
  ),
);

/** Whether a file without a sidecar is read as JSON, if it is JSON. */
export function mayBeJson(key: string): boolean {
  const dot = key.lastIndexOf('.');
  return dot < 0 || !otherFiles.has(key.slice(dot + 1).toLowerCase());
}

/** Whether something of a record is lost without a sidecar. */
export function needsSidecar(head: WriteHead): boolean {
  return (
    head.metadata !== '{}' ||
    head.ttlMs !== null ||
    head.contentType !== defaultType(head.kind) ||
    (head.kind === 'json') !== mayBeJson(head.key)
  );
}

/**
 * The entry of a file as it is now. The inode is not asked: the time is of our making and no two files of a key share it, and a
 * folder that was restored with its times keeps what belongs to it.
 */
export function entryOf(sidecar: Sidecar | undefined, file: Identity): Entry | undefined {
  return sidecar?.entries.find(({ size, mtime }) => size === file.size && mtime === file.mtime);
}

function encode({ ns, key, entries }: Sidecar): string {
  const list = entries.map(({ metadata, ...rest }) => {
    const text = JSON.stringify(rest);
    return `${text.slice(0, -1)},"metadata":${metadata}}`;
  });
  return `{"version":1,"namespace":${JSON.stringify(ns)},"key":${JSON.stringify(key)},"entries":[${list.join(',')}]}`;
}

function isEntry(value: unknown): value is Omit<Entry, 'metadata'> & { readonly metadata: object } {
  if (typeof value !== 'object' || value === null) return false;
  const { size, mtime, etag, kind, contentType, metadata, expiresAt } = value as { readonly [name: string]: unknown };
  return (
    typeof size === 'number' &&
    typeof mtime === 'number' &&
    typeof etag === 'string' &&
    (kind === 'json' || kind === 'bytes') &&
    typeof contentType === 'string' &&
    typeof metadata === 'object' &&
    metadata !== null &&
    (expiresAt === null || typeof expiresAt === 'number')
  );
}

function decode(text: string): Sidecar | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if ((error as { readonly name?: unknown }).name === 'SyntaxError') return undefined;
    throw error;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { version, namespace, key, entries } = value as { readonly [name: string]: unknown };
  if (version !== 1 || typeof namespace !== 'string' || typeof key !== 'string' || !Array.isArray(entries))
    return undefined;
  const known = (entries as readonly unknown[]).filter(isEntry);
  return {
    ns: namespace,
    key,
    entries: known.map((entry) => ({ ...entry, metadata: JSON.stringify(entry.metadata) })),
  };
}

/** Reads a sidecar; `undefined`: there is none. */
export async function readSidecar(folder: Folder, name: string): Promise<Sidecar | undefined> {
  const fd = await openExisting(folder, name);
  if (fd === undefined) return undefined;
  try {
    const bytes = Buffer.alloc(fstatSync(fd).size);
    const length = await readInto(fd, bytes, 0);
    const sidecar = decode(bytes.toString('utf8', 0, length));
    if (sidecar !== undefined) return sidecar;
    throw new StorageError({
      code: 'corrupt',
      message: `The sidecar ${sidecarFolder.join('/')}/${name} below basePath can't be read, and with it a record's metadata and expiry; restore it, or remove it to read the file alone.`,
      details: { path: 'basePath', name },
    });
  } finally {
    closeSync(fd);
  }
}

/** Puts a sidecar in the place of the one that is there. */
export async function writeSidecar(
  folders: Folders,
  staging: Staging,
  name: string,
  sidecar: Sidecar,
  lock: Lock,
): Promise<void> {
  const staged = await staging.stage(name, [Buffer.from(encode(sidecar))]);
  const work = folders.use(workFolder, true);
  const folder = folders.use(sidecarFolder, true);
  try {
    lock.assertHeld();
    await renameFile(work.path(staged.name), folder.path(name));
    await staging.settle(folder);
  } catch (error) {
    await staging.discard(staged);
    throw error;
  } finally {
    folder.release();
    work.release();
  }
}
