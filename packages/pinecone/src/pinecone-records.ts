import type { PineconeRecord, RecordMetadata, RecordMetadataValue } from '@pinecone-database/pinecone';
import { isInstant, type VectorRead, type VectorRow } from '@storage/backend-kit';
import { type JsonObject, type JsonValue, StorageError } from '@storage/core';
import { recordIdOf } from './pinecone-names.ts';
import { fieldOf, isPlainKey, shadow, tag, versionTag } from './pinecone-shadows.ts';

/** The most metadata of a record, shadows included, in bytes of its JSON text. */
export const maxRecordMetadata: number = 40 * 1024;

/** A record to send, but for its numbers: a list of them is made when it goes, or a large batch would be there twice. */
export interface EncodedRecord {
  readonly id: string;
  readonly vector: Float32Array;
  readonly metadata: RecordMetadata;
  /** About how many bytes it takes in a request. */
  readonly bytes: number;
}

/** The milliseconds of an instant as `Date.toISOString` writes those of the years 0 to 9999, which sort as their texts do. */
export function instantOf(text: string): number | undefined {
  return isInstant(text) ? Date.parse(text) : undefined;
}

let lastWritten = 0;

/** The time in milliseconds, later for each record that this process writes. */
function writtenNow(): number {
  lastWritten = Math.max(performance.timeOrigin + performance.now(), lastWritten + 0.001);
  return lastWritten;
}

type Fields = Map<string, RecordMetadataValue>;

class ShadowWriter {
  readonly fields: Fields = new Map();
  readonly tags = new Set<string>([versionTag]);
  readonly #dates: ReadonlySet<string>;

  constructor(dates: ReadonlySet<string>) {
    this.#dates = dates;
  }

  /** Writes fields and tags of what is at a path. */
  add(path: readonly string[], value: JsonValue): void {
    if (value === null || (Array.isArray(value) && value.length === 0)) return;
    const field = fieldOf(path);
    this.tags.add(tag.exists(field));
    if (Array.isArray(value)) this.#addList(field, value);
    else if (typeof value === 'object')
      for (const [key, member] of Object.entries(value as JsonObject)) this.add([...path, key], member);
    else this.#addScalar(field, value as string | number | boolean);
  }

  #addScalar(field: string, value: string | number | boolean): void {
    this.fields.set(field, value);
    if (typeof value === 'number') this.tags.add(tag.number(field));
    else if (typeof value === 'boolean') this.tags.add(tag.boolean(field));
    else {
      this.tags.add(tag.string(field));
      this.#addDate(field, value);
    }
  }

  #addDate(field: string, text: string): void {
    if (!this.#dates.has(field)) return;
    const instant = instantOf(text);
    if (instant === undefined) this.tags.add(tag.otherDate(field));
    else this.fields.set(shadow.date + field, instant);
  }

  #addList(field: string, list: readonly JsonValue[]): void {
    // What of a list is text is kept natively, whatever else it has: the list itself is in the JSON then.
    const strings = list.filter((element) => typeof element === 'string');
    if (strings.length > 0) {
      this.fields.set(field, strings);
      this.tags.add(tag.string(field));
      if (this.#dates.has(field)) this.tags.add(tag.otherDate(field));
    }
    for (const element of list) {
      if (typeof element === 'number') this.tags.add(tag.listedNumber(field));
      if (typeof element === 'number' || typeof element === 'boolean') this.tags.add(tag.listed(field, element));
    }
  }
}

/** Whether Pinecone gives back a member of the metadata exactly as it was. */
function isKept(key: string, value: JsonValue): boolean {
  if (!isPlainKey(key)) return false;
  if (!Array.isArray(value)) return value !== null && typeof value !== 'object';
  return value.length > 0 && value.every((element) => typeof element === 'string');
}

function toFields(row: VectorRow, dates: ReadonlySet<string>): RecordMetadata {
  const metadata = JSON.parse(row.metadata) as JsonObject;
  const writer = new ShadowWriter(dates);
  const rest: [string, JsonValue][] = [];
  for (const [key, value] of Object.entries(metadata)) {
    writer.add([key], value);
    if (!isKept(key, value)) rest.push([key, value]);
  }
  const { fields } = writer;
  fields.set(shadow.tags, [...writer.tags]);
  fields.set(shadow.createdAt, row.createdAt);
  fields.set(shadow.written, writtenNow());
  if (row.content !== undefined) fields.set(shadow.content, row.content);
  if (rest.length > 0) fields.set(shadow.json, JSON.stringify(Object.fromEntries(rest)));
  if (recordIdOf(row.id) !== row.id) fields.set(shadow.id, row.id);
  return Object.fromEntries(fields);
}

/** A document as Pinecone keeps it. `dates`: the fields that were declared to hold dates. Over the vendor's limit `too_large`. */
export function encodeRecord(row: VectorRow, dates: ReadonlySet<string>): EncodedRecord {
  const metadata = toFields(row, dates);
  const size = Buffer.byteLength(JSON.stringify(metadata));
  if (size > maxRecordMetadata)
    throw new StorageError({
      code: 'too_large',
      message: `Content, metadata and what filters need of document ${JSON.stringify(row.id.slice(0, 100))} take ${size} bytes; Pinecone keeps ${maxRecordMetadata}. Keep the content elsewhere, or split it.`,
      applied: 'no',
      details: { id: row.id, limit: maxRecordMetadata, actual: size },
    });
  const id = recordIdOf(row.id);
  // A 32-bit float takes at most 22 characters with its comma.
  return { id, vector: row.vector, metadata, bytes: size + id.length + 64 + row.vector.length * 22 };
}

/** A record as the SDK sends it. */
export function toSend({ id, vector, metadata }: EncodedRecord): PineconeRecord<RecordMetadata> {
  return { id, values: Array.from(vector), metadata };
}

/** A record as Pinecone answers it. */
export interface FoundRecord {
  readonly id: string;
  readonly values?: readonly number[] | undefined;
  readonly metadata?: RecordMetadata | undefined;
}

function text(value: RecordMetadataValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Whether this library wrote it. */
function isOurs(metadata: RecordMetadata | undefined): metadata is RecordMetadata {
  const tags = metadata?.[shadow.tags];
  return Array.isArray(tags) && tags.includes(versionTag);
}

/** The id of a document. */
export function keyOf({ id, metadata }: FoundRecord): string {
  return isOurs(metadata) ? (text(metadata[shadow.id]) ?? id) : id;
}

/** A document from its record. One that something else wrote is read as it is: its metadata whole, without content. */
export function decodeRecord({ id, values, metadata }: FoundRecord, includeVectors: boolean): VectorRead {
  const vector = includeVectors ? Float32Array.from(values ?? []) : undefined;
  if (!isOurs(metadata))
    return { id, vector, content: undefined, metadata: JSON.stringify(metadata ?? {}), createdAt: undefined };
  const kept = Object.entries(metadata).filter(([field]) => !field.startsWith('_s_') && !field.includes('~'));
  const createdAt = metadata[shadow.createdAt];
  return {
    id: keyOf({ id, metadata }),
    vector,
    content: text(metadata[shadow.content]),
    metadata: withRest(Object.fromEntries(kept), text(metadata[shadow.json])),
    createdAt: typeof createdAt === 'number' ? createdAt : undefined,
  };
}

function withRest(kept: object, rest: string | undefined): string {
  if (rest === undefined) return JSON.stringify(kept);
  try {
    return JSON.stringify({ ...kept, ...(JSON.parse(rest) as object) });
  } catch (error) {
    throw new StorageError({
      code: 'corrupt',
      message: `The field ${shadow.json} of a record is not what this library wrote; store the document again.`,
      cause: error,
    });
  }
}
