import type { VectorHit, VectorParts, VectorRead, VectorRow } from '@storage/backend-kit';
import type { Metric } from '@storage/core';
import type { Row } from '@storage/sql/pg';
import { arrayBytes, bigintBytes, jsonbBytes, oids, parseVector, vectorBytes } from './pgvector-binary.ts';
import { scoreOfDistance } from './pgvector-index.ts';

/** A document with its namespace, as it is stored. */
export interface PlacedRow {
  readonly ns: string;
  readonly row: VectorRow;
}

/** What a document is read by, in the order of `toRead`. */
export function rowColumns({ includeVectors, includeMetadata }: VectorParts): string {
  const metadata = includeMetadata ? 'metadata' : "'{}'::jsonb AS metadata";
  return `id, content, ${metadata}, created_at, ${includeVectors ? 'embedding' : 'NULL AS embedding'}`;
}

export function toRead(row: Row): VectorRead {
  const [id, content, metadata, createdAt, vector] = row as [
    string,
    string | null,
    string,
    number | null,
    string | null,
  ];
  return {
    id,
    content: content ?? undefined,
    metadata,
    createdAt: createdAt ?? undefined,
    vector: vector === null ? undefined : parseVector(vector),
  };
}

/** A row with the native distance behind. */
export function toHit(row: Row, metric: Metric): VectorHit {
  const distance = row[5] as number;
  return { ...toRead(row), score: scoreOfDistance(metric, distance), distance };
}

/** Stores documents whole. Parameters: `writeValues`. */
export function writeText(table: string, prefix: string): string {
  return `INSERT INTO ${table} (namespace, id, created_at, content, metadata, embedding)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::jsonb[], $6::${prefix}vector[])
    ON CONFLICT (namespace, id) DO UPDATE SET created_at = excluded.created_at, content = excluded.content,
      metadata = excluded.metadata, embedding = excluded.embedding`;
}

export function writeValues(rows: readonly PlacedRow[], vectorOid: number): readonly unknown[] {
  return [
    arrayBytes(
      oids.text,
      rows.map(({ ns }) => ns),
    ),
    arrayBytes(
      oids.text,
      rows.map(({ row }) => row.id),
    ),
    arrayBytes(
      oids.bigint,
      rows.map(({ row }) => bigintBytes(row.createdAt)),
    ),
    arrayBytes(
      oids.text,
      rows.map(({ row }) => row.content),
    ),
    arrayBytes(
      oids.jsonb,
      rows.map(({ row }) => jsonbBytes(row.metadata)),
    ),
    arrayBytes(
      vectorOid,
      rows.map(({ row }) => vectorBytes(row.vector)),
    ),
  ];
}
