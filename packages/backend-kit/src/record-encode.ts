import {
  assertKey,
  assertText,
  type DeleteOptions,
  encodeJson,
  invalidArgument,
  isByteStream,
  isBytes,
  isStorageError,
  maxTtlMs,
  type RecordCapabilities,
  randomToken,
  StorageError,
  type StoreItem,
  type StoreOptions,
  withContext,
} from '@storage/core';
import type { BackendContext } from './context.ts';
import type { WriteCondition, WriteHead, WriteRow } from './record-driver.ts';

/** The most members a batch has. */
const maxBatch = 10_000;
const maxContentType = 256;

type WriteOptions = Omit<StoreOptions, 'signal' | 'timeoutMs'>;

/** The capabilities of records; a facade is only made where there are some. */
export function recordCapabilities(context: BackendContext): RecordCapabilities {
  const { records } = context.capabilities;
  if (records === false)
    throw new StorageError({
      code: 'internal',
      message: `The capabilities of ${context.name} say that it keeps no records.`,
    });
  return records;
}

/** Refuses what the capabilities do not have. */
export function unsupported(what: string, capability: string): StorageError {
  return new StorageError({
    code: 'unsupported',
    message: `This backend has no ${what} (\`${capability}\` says so).`,
    details: { capability },
  });
}

/** Milliseconds until a record is gone. */
export function checkTtl(ttlMs: unknown, capabilities: RecordCapabilities): number {
  if (typeof ttlMs !== 'number' || !Number.isInteger(ttlMs) || ttlMs < 1 || ttlMs > maxTtlMs) {
    throw invalidArgument(`ttlMs is ${String(ttlMs)}; it must be a whole number of milliseconds, 1 to ${maxTtlMs}.`, {
      path: 'ttlMs',
    });
  }
  if (capabilities.ttl === false) throw unsupported('expiry', 'records.ttl');
  return ttlMs;
}

/** An etag that a caller hands back. */
function checkIfMatch(etag: unknown, capabilities: RecordCapabilities): string {
  if (typeof etag !== 'string' || etag === '')
    throw invalidArgument('ifMatch must be an etag: the `etag` of a record that was read or stored.', {
      path: 'ifMatch',
    });
  if (capabilities.conditional === 'none') throw unsupported('conditional writes', 'records.conditional');
  return etag;
}

function checkCondition(options: WriteOptions, capabilities: RecordCapabilities): WriteCondition | undefined {
  const { ifAbsent, ifMatch } = options;
  if (ifAbsent === undefined && ifMatch === undefined) return undefined;
  if (ifAbsent !== undefined && (ifAbsent as unknown) !== true)
    throw invalidArgument('ifAbsent is true or left out.', { path: 'ifAbsent' });
  if (ifMatch !== undefined) {
    if (ifAbsent) throw invalidArgument('ifAbsent and ifMatch exclude one another.', { path: 'ifMatch' });
    return { type: 'match', etag: checkIfMatch(ifMatch, capabilities) };
  }
  if (capabilities.conditional === 'none') throw unsupported('conditional writes', 'records.conditional');
  return { type: 'absent' };
}

function checkContentType(contentType: unknown): string {
  assertText(contentType, 'contentType');
  if (contentType.length > maxContentType || !/^[!-.0-~]+\/[ -~]*[!-~]$/.test(contentType)) {
    throw invalidArgument(
      `contentType must be a media type such as text/plain, of at most ${maxContentType} printable ASCII characters.`,
      { path: 'contentType' },
    );
  }
  return contentType;
}

/** JSON text of metadata, which is an object of at most `limit` bytes. */
export function encodeMetadata(metadata: unknown, limit: number): string {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    throw invalidArgument('metadata must be an object.', { path: 'metadata' });
  const text = encodeJson(metadata, 'metadata');
  if (!text.startsWith('{')) throw invalidArgument('metadata must be a plain object.', { path: 'metadata' });
  const actual = Buffer.byteLength(text);
  if (actual > limit) {
    throw new StorageError({
      code: 'too_large',
      message: `metadata has ${actual} bytes of JSON; at most ${limit} are allowed here. Keep it in the data.`,
      applied: 'no',
      details: { limit, actual },
    });
  }
  return text;
}

const plainDelete = { etag: undefined, report: true } as const;

/** On what a delete depends, and whether its answer matters. */
export function checkDelete(
  options: Omit<DeleteOptions, 'signal' | 'timeoutMs'> | undefined,
  capabilities: RecordCapabilities,
): { readonly etag: string | undefined; readonly report: boolean } {
  if (options === undefined) return plainDelete;
  const report = checkFlag(options.report, 'report', true);
  if (options.ifMatch === undefined) return { etag: undefined, report };
  const etag = checkIfMatch(options.ifMatch, capabilities);
  if (!capabilities.conditionalDelete) throw unsupported('conditional deletes', 'records.conditionalDelete');
  return { etag, report };
}

/** An option that is true or false. */
export function checkFlag(value: unknown, name: string, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw invalidArgument(`${name} must be true or false.`, { path: name });
  return value;
}

/** Refuses a value over the store's limit. */
export function checkSize(actual: number, limit: number): void {
  if (actual > limit) {
    throw new StorageError({
      code: 'too_large',
      message: `The value has ${actual} bytes; at most ${limit} are allowed here. Split it, or keep it in a store for large objects.`,
      applied: 'no',
      details: { limit, actual },
    });
  }
}

/** All of a write but its content, from a legal key and unchecked options. */
export function encodeHead(
  key: string,
  kind: 'json' | 'bytes',
  options: WriteOptions | undefined,
  context: BackendContext,
  capabilities: RecordCapabilities,
): WriteHead {
  const { metadata, ttlMs, contentType } = options ?? {};
  return {
    key,
    kind,
    contentType:
      contentType === undefined
        ? kind === 'json'
          ? 'application/json'
          : 'application/octet-stream'
        : checkContentType(contentType),
    metadata: metadata === undefined ? '{}' : encodeMetadata(metadata, capabilities.maxMetadataBytes),
    etag: (context.newId ?? randomToken)(),
    ttlMs: ttlMs === undefined ? null : checkTtl(ttlMs, capabilities),
    condition: options === undefined ? undefined : checkCondition(options, capabilities),
  };
}

/** A write, checked and encoded. */
export function encodeWrite(
  key: unknown,
  data: unknown,
  options: WriteOptions | undefined,
  context: BackendContext,
  capabilities: RecordCapabilities,
): WriteRow {
  assertKey(key);
  const bytes = isBytes(data);
  if (bytes && !capabilities.bytes) throw unsupported('bytes', 'records.bytes');
  if (!bytes && isByteStream(data))
    throw invalidArgument('data is a stream of chunks; hand it to storeStream.', { path: 'data' });
  const content = bytes ? data : encodeJson(data, 'data');
  const size = typeof content === 'string' ? Buffer.byteLength(content) : content.byteLength;
  if (size > capabilities.maxValueBytes) checkSize(size, capabilities.maxValueBytes);
  if (options === undefined) {
    // One literal for the plain write: the hot path.
    return {
      key,
      kind: bytes ? 'bytes' : 'json',
      contentType: bytes ? 'application/octet-stream' : 'application/json',
      metadata: '{}',
      etag: (context.newId ?? randomToken)(),
      ttlMs: null,
      condition: undefined,
      content,
      size,
    };
  }
  return { ...encodeHead(key, bytes ? 'bytes' : 'json', options, context, capabilities), content, size };
}

/** The members of a batch as a list. Each failure of `check` says at which index. */
export function checkBatch<T, R>(items: Iterable<T>, what: string, check: (item: T) => R): R[] {
  if (typeof items !== 'object' || items === null || !(Symbol.iterator in items))
    throw invalidArgument(`${what} must be iterable.`, { path: what });
  const checked: R[] = [];
  for (const item of items) {
    if (checked.length === maxBatch) {
      throw new StorageError({
        code: 'too_large',
        message: `A batch has at most ${maxBatch} members; send several.`,
        applied: 'no',
        details: { limit: maxBatch, actual: maxBatch + 1 },
      });
    }
    try {
      checked.push(check(item));
    } catch (error) {
      throw isStorageError(error) ? withContext(error, { details: { index: checked.length } }) : error;
    }
  }
  return checked;
}

/** One member of `storeMany`, checked and encoded. */
export function encodeItem(item: StoreItem, context: BackendContext, capabilities: RecordCapabilities): WriteRow {
  if (typeof item !== 'object' || item === null) throw invalidArgument('Each item must be { key, data }.');
  const { key, data, metadata, ttlMs, contentType, ifAbsent, ifMatch } = item;
  const plain =
    metadata === undefined &&
    ttlMs === undefined &&
    contentType === undefined &&
    ifAbsent === undefined &&
    ifMatch === undefined;
  return encodeWrite(key, data, plain ? undefined : item, context, capabilities);
}
