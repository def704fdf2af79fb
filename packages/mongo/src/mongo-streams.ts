import {
  type Call,
  chunkBytes,
  evenChunks,
  type InfoRow,
  replacedError,
  slices,
  type WriteHead,
} from '@storage/backend-kit';
import { randomToken } from '@storage/core';
import type { mongo } from 'mongoose';
import { asBytes, type FoundDocument, idOf, infoProjection, isLive, toInfoRow } from './mongo-documents.ts';
import type { ChunkDocument, FileDocument, MongoStore } from './mongo-store.ts';
import { publish } from './mongo-writes.ts';

/** Bytes of a value that stand in the record itself, at most. */
export const inlineBytes: number = 4 * 1024 * 1024;
/** Chunks of one insert. */
const chunksAtOnce = 16;

/** What a stream or large bytes are written to: a file of GridFS, which is nobody's until the record names it. */
class FileWriter {
  readonly id: string = randomToken();
  size = 0;
  readonly #store: MongoStore;
  readonly #record: string;
  #count = 0;
  #pending: ChunkDocument[] = [];

  constructor(store: MongoStore, record: string) {
    this.#store = store;
    this.#record = record;
  }

  async add(data: Uint8Array): Promise<void> {
    this.#pending.push({ files_id: this.id, n: this.#count++, data });
    this.size += data.byteLength;
    if (this.#pending.length === chunksAtOnce) await this.#send();
  }

  async #send(): Promise<void> {
    const { files, chunks, now } = this.#store;
    const writing = new Date(now());
    if (this.size <= chunksAtOnce * chunkBytes) {
      await this.#store.prepareFiles();
      const metadata = { record: this.#record, writing };
      await files.insertOne({ _id: this.id, length: 0, chunkSize: chunkBytes, uploadDate: writing, metadata });
    } else {
      // It is swept when nothing was heard of its writer for a while.
      const { matchedCount } = await files.updateOne({ _id: this.id }, { $set: { 'metadata.writing': writing } });
      if (matchedCount === 0) throw replacedError(this.#record.slice(this.#record.indexOf('\0') + 1));
    }
    await chunks.insertMany(this.#pending);
    this.#pending = [];
  }

  /** Sends what is left, and says how long the file is. */
  async finish(): Promise<void> {
    if (this.#pending.length > 0) await this.#send();
    const { matchedCount } = await this.#store.files.updateOne({ _id: this.id }, {
      $set: { length: this.size },
      $unset: { 'metadata.writing': true },
    } as mongo.UpdateFilter<FileDocument>);
    if (matchedCount === 0) throw replacedError(this.#record.slice(this.#record.indexOf('\0') + 1));
  }

  /** Frees the space of a file that failed. Where that fails too, the sweep does it later. */
  async discard(): Promise<void> {
    if (this.size > 0) await removeFiles(this.#store, [this.id]).catch(() => undefined);
  }
}

/** Removes files: their chunks last, so that what is left of a failure is found again by its file. */
export async function removeFiles({ files, chunks }: MongoStore, ids: readonly string[]): Promise<void> {
  await chunks.deleteMany({ files_id: { $in: [...ids] } });
  await files.deleteMany({ _id: { $in: [...ids] } });
}

interface StreamWrite {
  readonly ns: string;
  readonly head: WriteHead;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly call: Call;
}

/** Puts the chunks down beside the record, then makes the record name them. `inOrder` puts the last step behind earlier writes of the key. */
export async function writeStream(
  store: MongoStore,
  { ns, head, chunks, call }: StreamWrite,
  inOrder: (task: () => Promise<InfoRow>) => Promise<InfoRow>,
): Promise<InfoRow> {
  const file = new FileWriter(store, idOf(ns, head.key));
  let held: Uint8Array | undefined;
  try {
    for await (const piece of evenChunks(chunks)) {
      if (held !== undefined) await file.add(held);
      held = piece;
    }
    call.check();
    if (file.size === 0) {
      // What fits into one piece is kept as any bytes are.
      const bytes = held ?? new Uint8Array(0);
      return await inOrder(() => publish(store, ns, { ...head, size: bytes.byteLength }, { bytes }));
    }
    if (held !== undefined) await file.add(held);
    await file.finish();
    call.check();
    return await inOrder(() => publish(store, ns, { ...head, size: file.size }, { file: file.id }));
  } catch (error) {
    await discardUnlessNamed(store, idOf(ns, head.key), file);
    throw error;
  }
}

/** A write whose outcome is unknown may have been carried out: then the record names the file. */
async function discardUnlessNamed(store: MongoStore, record: string, file: FileWriter): Promise<void> {
  if (file.size === 0) return;
  try {
    const named = await store.records.findOne({ _id: record, file: file.id }, { projection: { _id: 1 } });
    if (named === null) await file.discard();
  } catch (error) {
    // The caller hears of the first failure; the sweep looks after the file.
    void error;
  }
}

/** Bytes from `from` up to `to` of a file, a chunk at a time. */
async function* readChunks(
  { chunks }: MongoStore,
  key: string,
  file: string,
  from: number,
  to: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let offset = from; offset < to; ) {
    const n = Math.floor(offset / chunkBytes);
    const start = n * chunkBytes;
    const chunk = await chunks.findOne({ files_id: file, n });
    if (chunk === null) throw replacedError(key);
    const end = Math.min(to, start + chunkBytes);
    yield asBytes(chunk.data).slice(offset - start, end - start);
    offset = end;
  }
}

/** The bytes of a document, wherever they stand. */
export async function readBytes(store: MongoStore, key: string, file: string, size: number): Promise<Uint8Array> {
  const content = new Uint8Array(size);
  let offset = 0;
  for await (const piece of readChunks(store, key, file, 0, size)) {
    content.set(piece, offset);
    offset += piece.byteLength;
  }
  return content;
}

export interface StreamRead {
  readonly ns: string;
  readonly key: string;
  readonly range: { readonly offset: number; readonly length: number | undefined };
}

export async function readStream(
  store: MongoStore,
  { ns, key, range }: StreamRead,
): Promise<(InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined> {
  // Bytes within the record are small enough to be read with it.
  const { json: _json, bytes: _bytes, ...projection } = infoProjection;
  const found: FoundDocument | null = await store.records.findOne({ _id: idOf(ns, key) }, { projection });
  if (found === null || !isLive(found, store.now())) return undefined;
  const from = range.offset;
  const to = Math.min(found.size, range.length === undefined ? found.size : from + range.length);
  const info = toInfoRow(found);
  if (found.file !== undefined) return { ...info, chunks: readChunks(store, key, found.file, from, to) };
  const bytes = found.json === undefined ? asBytes(found.bytes) : new TextEncoder().encode(found.json);
  return { ...info, chunks: slices(bytes.slice(from, Math.max(from, to))) };
}
