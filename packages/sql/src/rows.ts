import type { InfoRow, TransactionStep, WriteRow } from '@storage/backend-kit';
import { recordKinds } from './record-schema.ts';

/** A row that begins with the columns of `infoColumns`. */
export function toInfoRow(row: readonly unknown[]): InfoRow {
  return {
    key: row[0] as string,
    kind: row[1] === recordKinds.json ? 'json' : 'bytes',
    etag: row[2] as string,
    createdAt: row[3] as number,
    updatedAt: row[4] as number,
    expiresAt: row[5] as number | null,
    size: row[6] as number,
    contentType: row[7] as string,
    metadata: row[8] as string,
  };
}

/** JSON without metadata, expiry or condition: what most writes are. */
export function isPlainJson({ condition, ttlMs, metadata, contentType }: WriteRow): boolean {
  return condition === undefined && ttlMs === null && metadata === '{}' && contentType === 'application/json';
}

/** A write or a delete, on what it depends included. */
export type WriteOp = TransactionStep;
export type WriteResult = InfoRow | boolean;

/** The row with bytes that nobody else can change: it may be carried out after the call has returned. */
export function ownRow(row: WriteRow): WriteRow {
  return typeof row.content === 'string' ? row : { ...row, content: new Uint8Array(row.content) };
}

export function ownStep(step: TransactionStep): TransactionStep {
  return step.type === 'write' ? { ...step, row: ownRow(step.row) } : step;
}

export function keyOf(op: WriteOp): string {
  return op.type === 'write' ? op.row.key : op.key;
}
