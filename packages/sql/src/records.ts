import { prefixEnd } from '@storage/backend-kit';
import type { Dialect } from './dialect.ts';
import type { RecordFilterSql } from './filter.ts';
import { fragment, mapTexts, paramsOf, type SqlFragment } from './fragment.ts';
import { recordKinds } from './record-schema.ts';

/** What `RecordInfo` needs, in this order. */
export const infoColumns = 'key, kind, etag, created_at, updated_at, expires_at, size, content_type, metadata';
/** What a whole record needs, in this order: `infoColumns`, then the content. */
export function rowColumns({ content }: Dialect): string {
  return `${infoColumns}, ${content}`;
}

const live = '(expires_at IS NULL OR expires_at > ?)';
const point = 'namespace = ? AND key = ?';
const written =
  'namespace, key, kind, etag, created_at, updated_at, expires_at, size, content_type, stream, metadata, data, bytes';

const created =
  'CASE WHEN storage_records.expires_at <= excluded.updated_at THEN excluded.created_at ELSE storage_records.created_at END';

function upsert(dialect: Dialect): string {
  return `INSERT INTO storage_records (${written}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (namespace, key) DO UPDATE SET kind = excluded.kind, etag = excluded.etag, created_at = ${dialect.kept(created)},
    updated_at = excluded.updated_at, expires_at = excluded.expires_at, size = excluded.size,
    content_type = excluded.content_type, stream = excluded.stream,
    metadata = excluded.metadata, data = excluded.data, bytes = excluded.bytes`;
}

/** The upsert of plain JSON: fewer parameters to bind, and a trigger that looks at every replaced row has nothing to look at. */
function upsertJson(dialect: Dialect): string {
  return `INSERT INTO storage_records (${written})
  VALUES (?, ?, ${recordKinds.json}, ?, ?, ?, NULL, ?, 'application/json', NULL, '{}', ?, NULL)
  ON CONFLICT (namespace, key) DO UPDATE SET kind = ${recordKinds.json}, etag = excluded.etag, created_at = ${dialect.kept(created)},
    updated_at = excluded.updated_at, expires_at = NULL, size = excluded.size, content_type = excluded.content_type,
    metadata = excluded.metadata, data = excluded.data, bytes = NULL WHERE storage_records.stream IS NULL`;
}

/** Statements of a fixed shape. The comment on each tells its parameters in order; `now` is in milliseconds. */
export interface RecordTexts {
  /** namespace, key. Expired rows too: the caller looks at `expires_at`. */
  readonly read: string;
  /** namespace, JSON array of keys. Expired rows too, in no order. */
  readonly readMany: string;
  /** namespace, key. Expired rows too. */
  readonly readInfo: string;
  /** namespace, key, now. */
  readonly exists: string;
  /** namespace, key, kind, etag, created_at, updated_at, expires_at, size, content_type, stream, metadata, data, bytes. */
  readonly write: string;
  /** namespace, key, etag, created_at, updated_at, size, data: JSON without metadata or expiry. Changes nothing when a stream is there. */
  readonly writeJson: string;
  /** As `write`; changes nothing when a record is there that has not expired. */
  readonly writeAbsent: string;
  /** kind, etag, updated_at, expires_at, size, content_type, stream, metadata, data, bytes, namespace, key, the etag that must hold, now. */
  readonly writeMatch: string;
  /** namespace, key, now. */
  readonly remove: string;
  /** namespace, key, now, the etag that must hold. */
  readonly removeMatch: string;
  /** expires_at, namespace, key, now. */
  readonly touch: string;
  /** from (included), to (excluded), now. The first namespace in between that holds a record. */
  readonly nextNamespace: string;
  /** now, how many at most. */
  readonly expired: string;
  /** namespace, key, now. Nothing when it was stored anew meanwhile. */
  readonly removeExpired: string;
}

export function recordTexts(dialect: Dialect): RecordTexts {
  const texts: RecordTexts = {
    read: `SELECT ${rowColumns(dialect)} FROM storage_records WHERE ${point}`,
    readMany: `SELECT ${rowColumns(dialect)} FROM storage_records WHERE namespace = ? AND key IN ${dialect.list}`,
    readInfo: `SELECT ${infoColumns}, stream FROM storage_records WHERE ${point}`,
    exists: `SELECT 1 FROM storage_records WHERE ${point} AND ${live}`,
    write: `${upsert(dialect)}${dialect.returning}`,
    writeJson: `${upsertJson(dialect)}${dialect.returning}`,
    writeAbsent: `${upsert(dialect)} WHERE storage_records.expires_at <= excluded.updated_at${dialect.returning}`,
    writeMatch: `UPDATE storage_records SET kind = ?, etag = ?, created_at = ${dialect.kept('created_at')}, updated_at = ?,
      expires_at = ?, size = ?, content_type = ?, stream = ?, metadata = ?, data = ?, bytes = ?
      WHERE ${point} AND etag = ? AND ${live}${dialect.returning}`,
    remove: `DELETE FROM storage_records WHERE ${point} AND ${live}`,
    removeMatch: `DELETE FROM storage_records WHERE ${point} AND ${live} AND etag = ?`,
    touch: `UPDATE storage_records SET expires_at = ? WHERE ${point} AND ${live}`,
    nextNamespace: `SELECT namespace FROM storage_records WHERE namespace >= ? AND namespace < ? AND ${live} ORDER BY namespace LIMIT 1`,
    expired: `SELECT namespace, key FROM storage_records WHERE expires_at <= ? ORDER BY expires_at LIMIT ?`,
    removeExpired: `DELETE FROM storage_records WHERE ${point} AND expires_at <= ?`,
  };
  return mapTexts(texts, dialect);
}

/** Statements of the chunks of streamed records. */
export interface StreamTexts {
  /** stream, now: a stream that is being written. */
  readonly begin: string;
  /** now, stream: it is still being written. */
  readonly touch: string;
  /** stream: a record names it. Changes nothing when it was swept meanwhile. */
  readonly publish: string;
  /** stream, n, bytes. */
  readonly writeChunk: string;
  /** stream, n. */
  readonly readChunk: string;
  /** stream. In order. */
  readonly readChunks: string;
  /** retired until, how many at most. */
  readonly retired: string;
  /** stream. */
  readonly removeChunks: string;
  /** stream. */
  readonly remove: string;
}

export function streamTexts(dialect: Dialect): StreamTexts {
  const texts: StreamTexts = {
    begin: 'INSERT INTO storage_streams (stream, retired_at) VALUES (?, ?)',
    touch: 'UPDATE storage_streams SET retired_at = ? WHERE stream = ?',
    publish: 'UPDATE storage_streams SET retired_at = NULL WHERE stream = ?',
    writeChunk: 'INSERT INTO storage_chunks (stream, n, bytes) VALUES (?, ?, ?)',
    readChunk: 'SELECT bytes FROM storage_chunks WHERE stream = ? AND n = ?',
    readChunks: 'SELECT bytes FROM storage_chunks WHERE stream = ? ORDER BY n',
    retired: 'SELECT stream FROM storage_streams WHERE retired_at <= ? ORDER BY retired_at LIMIT ?',
    removeChunks: 'DELETE FROM storage_chunks WHERE stream = ?',
    remove: 'DELETE FROM storage_streams WHERE stream = ?',
  };
  return mapTexts(texts, dialect);
}

/** The namespaces a call is about: one, or one and all below. */
export function namespaceCondition(namespace: string, recursive: boolean): SqlFragment {
  if (!recursive) return fragment('namespace = ?', namespace);
  if (namespace === '') return fragment('TRUE');
  // '0' follows '/', so this is every path that begins with `namespace/`.
  return fragment('(namespace = ? OR (namespace > ? AND namespace < ?))', namespace, `${namespace}/`, `${namespace}0`);
}

/** Which records a statement is about. */
export interface RecordSelection<Filter = SqlFragment> {
  readonly namespace: string;
  /** The present in milliseconds, or what the engine calls it. */
  readonly now: number | SqlFragment;
  /** The namespaces below as well. */
  readonly recursive?: boolean;
  readonly prefix?: string;
  readonly filter?: Filter | undefined;
}

/** The rows of a namespace that are not expired, under a prefix and a filter. */
export function recordSelection(selection: RecordSelection): SqlFragment {
  const { namespace, now, recursive = false, prefix = '', filter } = selection;
  const parts = [namespaceCondition(namespace, recursive)];
  if (prefix !== '') {
    const end = prefixEnd(prefix);
    parts.push(end === undefined ? fragment('key >= ?', prefix) : fragment('key >= ? AND key < ?', prefix, end));
  }
  if (filter !== undefined) parts.push({ text: `(${filter.text})`, params: filter.params });
  parts.push(typeof now === 'number' ? fragment(live, now) : fragment(live.replace('?', now.text), ...now.params));
  return { text: parts.map((part) => part.text).join(' AND '), params: paramsOf(parts) };
}

/** As `recordSelection`, in parts that indexes serve, which have no row in common. */
export function selectionArms(selection: RecordSelection<RecordFilterSql>): readonly SqlFragment[] {
  const { arms = [undefined] } = selection.filter ?? {};
  return arms.map((arm) => recordSelection({ ...selection, filter: arm }));
}

export function countRecords(selection: RecordSelection<RecordFilterSql>): SqlFragment {
  const arms = selectionArms(selection);
  const counts = arms.map(({ text }) => `SELECT count(*) AS n FROM storage_records WHERE ${text}`);
  return fragment(
    `SELECT sum(n) FROM (${counts.join(' UNION ALL ')}) AS counts`,
    ...arms.flatMap(({ params }) => params),
  );
}

/** Statements that remove the selection, together. */
export function removeRecords(selection: RecordSelection<RecordFilterSql>): readonly SqlFragment[] {
  return selectionArms(selection).map(({ text, params }) =>
    fragment(`DELETE FROM storage_records WHERE ${text}`, ...params),
  );
}
