import { stagingMs, streamGraceMs } from './chunks.ts';
import type { SqlValue } from './dialect.ts';
import type { RecordFilterSql } from './filter.ts';
import { fragment, joinFragments, type SqlFragment } from './fragment.ts';
import { clockTime, inSchema, postgresDialect, statementTime } from './postgres.ts';
import { recordKinds } from './record-schema.ts';
import { infoColumns, type RecordSelection, rowColumns, selectionArms } from './records.ts';

/** A statement of a fixed shape: under its name it is prepared once a connection. */
export interface NamedText {
  readonly name: string;
  readonly text: string;
}

/**
 * Statements of a fixed shape on records in PostgreSQL; the comment on each tells its parameters. `now` is in milliseconds, or
 * NULL for the server's clock.
 */
export interface PostgresTexts {
  /** namespace, key, now. */
  readonly read: NamedText;
  /** namespace, keys, now. In no order. */
  readonly readMany: NamedText;
  /** namespace, key, now. `infoColumns` and the stream. */
  readonly readInfo: NamedText;
  /** namespace, keys, now. The keys that are there. */
  readonly exists: NamedText;
  /** namespace, key, kind, etag, ttl, size, content type, stream, metadata, data, bytes, now. Answers created, updated, expires. */
  readonly write: NamedText;
  /** As `write`; no row when a record is there. */
  readonly writeAbsent: NamedText;
  /** As `write`, then the etag that must hold; no row when it does not. */
  readonly writeMatch: NamedText;
  /** namespaces, keys, etags, ttls, sizes, content types, metadata, data, bytes, now. Answers key, created, updated, expires, in order. */
  readonly writeMany: NamedText;
  /** As `writeMany`; no row for those whose record is there. Answers the namespace behind the rest. */
  readonly writeManyAbsent: NamedText;
  /** namespaces, keys, etags, sizes, data, now: JSON without metadata or expiry. Answers as `writeMany`. */
  readonly writeManyJson: NamedText;
  /** namespace, key, now. */
  readonly remove: NamedText;
  /** namespace, key, now, the etag that must hold. */
  readonly removeMatch: NamedText;
  /** namespace, keys, now. Answers the keys that were there. */
  readonly removeMany: NamedText;
  /** namespace, key, now, ttl. */
  readonly touch: NamedText;
  /** from (included), to (excluded), now, behind, how many. Whole namespaces in order. */
  readonly namespaces: NamedText;
  /** from (included), to (excluded), now, behind, how many, the path that they begin with. First segments behind it, in order. */
  readonly children: NamedText;
  /** now, how many at most. Removes expired records that nobody is working on. */
  readonly sweepRecords: NamedText;
  /** now, how many at most. Removes abandoned streams with their chunks. */
  readonly sweepStreams: NamedText;
  /** stream, bytes, now: the first chunk of a stream. */
  readonly beginStream: NamedText;
  /** stream, n, bytes, now: a further chunk. Changes nothing when the stream was swept. */
  readonly appendChunk: NamedText;
  /** stream: a record names it. Changes nothing when it was swept. */
  readonly publishStream: NamedText;
  /** stream. Removes it unless a record names it. */
  readonly discardStream: NamedText;
  /** stream, from (included), to (excluded). */
  readonly readChunks: NamedText;
}

const columns =
  'namespace, key, kind, etag, created_at, updated_at, expires_at, size, content_type, stream, metadata, data, bytes';

function atStatement(n: number): string {
  return `coalesce($${n}::bigint, ${statementTime})`;
}

/** For what may have waited for another writer. */
function atMoment(n: number): string {
  return `coalesce($${n}::bigint, ${clockTime})`;
}

function live(now: string): string {
  return `(expires_at IS NULL OR expires_at > ${now})`;
}

/** What an upsert does to the row that it meets. `now`: the parameter's place. */
function onConflict(now: number): string {
  const gone = `storage_records.expires_at <= ${atMoment(now)}`;
  return `ON CONFLICT (namespace, key) DO UPDATE SET kind = excluded.kind, etag = excluded.etag,
    created_at = CASE WHEN ${gone} THEN excluded.created_at ELSE storage_records.created_at END,
    updated_at = excluded.updated_at, expires_at = excluded.expires_at, size = excluded.size,
    content_type = excluded.content_type, stream = excluded.stream,
    metadata = excluded.metadata, data = excluded.data, bytes = excluded.bytes`;
}

function whenGone(now: number): string {
  return ` WHERE storage_records.expires_at <= ${atMoment(now)}`;
}

function recordParts(): { readonly [Name in keyof PostgresTexts]?: string } {
  const times = ' RETURNING created_at, updated_at, expires_at';
  const now = atStatement(12);
  const one = `INSERT INTO storage_records (${columns}) VALUES ($1, $2, $3, $4, ${now}, ${now}, ${now} + $5::bigint, $6, $7, $8, $9, $10, $11) ${onConflict(12)}`;
  const at = atStatement(10);
  const many = `INSERT INTO storage_records (${columns})
    SELECT namespace, key, CASE WHEN bytes IS NULL THEN ${recordKinds.json} ELSE ${recordKinds.bytes} END, etag, ${at}, ${at}, ${at} + ttl, size, content_type, NULL,
      metadata::jsonb, data::jsonb, bytes
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::bytea[])
      AS item (namespace, key, etag, ttl, size, content_type, metadata, data, bytes)
    ${onConflict(10)}`;
  const plainAt = atStatement(6);
  const plain = `INSERT INTO storage_records (${columns})
    SELECT namespace, key, ${recordKinds.json}, etag, ${plainAt}, ${plainAt}, NULL, size, 'application/json', NULL, '{}', data::jsonb, NULL
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[]) AS item (namespace, key, etag, size, data)
    ${onConflict(6)}`;
  const point = 'namespace = $1 AND key = $2';
  const among = 'namespace = $1 AND key = ANY ($2::text[])';
  const manyTimes = ' RETURNING key, created_at, updated_at, expires_at';
  return {
    read: `SELECT ${rowColumns(postgresDialect)} FROM storage_records WHERE ${point} AND ${live(atStatement(3))}`,
    readMany: `SELECT ${rowColumns(postgresDialect)} FROM storage_records WHERE ${among} AND ${live(atStatement(3))}`,
    readInfo: `SELECT ${infoColumns}, stream FROM storage_records WHERE ${point} AND ${live(atStatement(3))}`,
    exists: `SELECT key FROM storage_records WHERE ${among} AND ${live(atStatement(3))}`,
    write: one + times,
    writeAbsent: one + whenGone(12) + times,
    writeMatch: `UPDATE storage_records SET kind = $3, etag = $4, updated_at = ${now}, expires_at = ${now} + $5::bigint, size = $6,
      content_type = $7, stream = $8, metadata = $9, data = $10, bytes = $11
      WHERE ${point} AND etag = $13 AND ${live(atMoment(12))}${times}`,
    writeMany: many + manyTimes,
    writeManyAbsent: `${many}${whenGone(10)}${manyTimes}, namespace`,
    writeManyJson: plain + manyTimes,
    remove: `DELETE FROM storage_records WHERE ${point} AND ${live(atMoment(3))}`,
    removeMatch: `DELETE FROM storage_records WHERE ${point} AND ${live(atMoment(3))} AND etag = $4`,
    // An array of keys is no order of locks, so the rows are locked first.
    removeMany: `WITH found AS (SELECT key FROM storage_records WHERE ${among} AND ${live(atMoment(3))} ORDER BY key FOR UPDATE)
      DELETE FROM storage_records AS record USING found WHERE record.namespace = $1 AND record.key = found.key RETURNING record.key`,
    touch: `UPDATE storage_records SET expires_at = ${atStatement(3)} + $4::bigint WHERE ${point} AND ${live(atMoment(3))}`,
    sweepRecords: `WITH found AS (SELECT namespace, key FROM storage_records WHERE expires_at <= ${atStatement(1)} LIMIT $2 FOR UPDATE SKIP LOCKED)
      DELETE FROM storage_records AS record USING found WHERE record.namespace = found.namespace AND record.key = found.key`,
  };
}

/** Each step seeks the next namespace in the index, so that a list costs what there is to list and not the records in it. */
function namespaceParts(): { readonly [Name in keyof PostgresTexts]?: string } {
  const next = (bound: string): string =>
    `SELECT namespace FROM storage_records WHERE ${bound} AND namespace < $2 AND ${live(atStatement(3))} ORDER BY namespace LIMIT 1`;
  const walk = (further: string): string => `WITH RECURSIVE path (namespace) AS (
      (${next('namespace >= $1')})
      UNION ALL
      SELECT (${next(further)}) FROM path WHERE path.namespace IS NOT NULL)`;
  const rest = 'substr(path.namespace, length($6) + 1)';
  // What is below a child is passed over as a whole: '0' follows '/'.
  const beyond = `CASE WHEN strpos(${rest}, '/') = 0 THEN path.namespace || U&'\\0001' ELSE $6 || split_part(${rest}, '/', 1) || '0' END COLLATE "C"`;
  return {
    namespaces: `${walk('storage_records.namespace > path.namespace')}
      SELECT namespace FROM path WHERE namespace > $4 LIMIT $5`,
    children: `${walk(`storage_records.namespace >= ${beyond}`)}
      SELECT DISTINCT split_part(${rest}, '/', 1) COLLATE "C" AS name FROM path
      WHERE namespace IS NOT NULL AND split_part(${rest}, '/', 1) COLLATE "C" > $4 ORDER BY name LIMIT $5`,
  };
}

function streamParts(): { readonly [Name in keyof PostgresTexts]?: string } {
  return {
    // Until a record names it, a stream is swept when nothing was heard of its writer for a while.
    beginStream: `WITH begun AS (INSERT INTO storage_streams (stream, retired_at) VALUES ($1, ${atStatement(3)} + ${stagingMs}))
      INSERT INTO storage_chunks (stream, n, bytes) VALUES ($1, 0, $2)`,
    appendChunk: `WITH known AS (UPDATE storage_streams SET retired_at = ${atStatement(4)} + ${stagingMs} WHERE stream = $1 RETURNING stream)
      INSERT INTO storage_chunks (stream, n, bytes) SELECT stream, $2::bigint, $3::bytea FROM known`,
    publishStream: 'UPDATE storage_streams SET retired_at = NULL WHERE stream = $1',
    discardStream: `WITH gone AS (DELETE FROM storage_streams WHERE stream = $1 AND retired_at IS NOT NULL RETURNING stream)
      DELETE FROM storage_chunks AS chunk USING gone WHERE chunk.stream = gone.stream`,
    readChunks: 'SELECT bytes FROM storage_chunks WHERE stream = $1 AND n >= $2 AND n < $3 ORDER BY n',
    sweepStreams: `WITH found AS (SELECT stream FROM storage_streams WHERE retired_at <= ${atStatement(1)} - ${streamGraceMs} LIMIT $2 FOR UPDATE SKIP LOCKED),
      chunks AS (DELETE FROM storage_chunks AS chunk USING found WHERE chunk.stream = found.stream)
      DELETE FROM storage_streams AS stream USING found WHERE stream.stream = found.stream`,
  };
}

/** The statements for the tables of a schema. `tag` keeps their names apart from those for other schemas on one connection. */
export function postgresTexts(schema: string, tag: string): PostgresTexts {
  const texts = { ...recordParts(), ...namespaceParts(), ...streamParts() };
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [
      name,
      { name: `storage_${tag}_${name}`, text: inSchema(schema, text.replace(/\s*\n\s*/g, ' ')) },
    ]),
  ) as unknown as PostgresTexts;
}

/** What `now` is in a selection: the time that a clock tells, or the server's. */
export function postgresNow(now: number | null, time: 'statement' | 'moment'): SqlFragment {
  return now === null
    ? fragment(time === 'statement' ? statementTime : clockTime)
    : fragment('?::bigint', now as SqlValue);
}

/** Removes a selection by one statement, which locks the rows in the order of their keys first. */
export function removeSelection(selection: RecordSelection<RecordFilterSql>): SqlFragment {
  const { text, params } = joinFragments('OR', selectionArms(selection));
  return fragment(
    `WITH found AS (SELECT namespace, key FROM storage_records WHERE ${text} ORDER BY namespace, key FOR UPDATE)
    DELETE FROM storage_records AS record USING found WHERE record.namespace = found.namespace AND record.key = found.key`,
    ...params,
  );
}
