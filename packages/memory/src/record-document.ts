import type { RecordRow } from '@storage/backend-kit';

/** What filters and sorts of records see. Bytes have no data to look into. */
export function recordDocument(row: RecordRow): object {
  return {
    key: row.key,
    data: typeof row.content === 'string' ? (JSON.parse(row.content) as unknown) : undefined,
    metadata: JSON.parse(row.metadata) as unknown,
    createdAt: row.createdAt === undefined ? undefined : new Date(row.createdAt).toISOString(),
    updatedAt: new Date(row.updatedAt).toISOString(),
  };
}

/**
 * The value under a path of object keys; `undefined` when there is none. Never crosses an array, own members only. Not the reference
 * evaluator's: a test that compares the two proves nothing where they share code.
 */
export function valueAt(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
      return undefined;
    value = (value as { readonly [key: string]: unknown })[key];
  }
  return value;
}
