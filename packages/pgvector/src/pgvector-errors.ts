import type { Translate } from '@storage/backend-kit';
import { isStorageError } from '@storage/core';
import { type PostgresRule, postgresRule, postgresTranslator } from '@storage/sql/pg';

/** What the extension says, and what means another thing here than for records. */
const rules: ReadonlyMap<string, PostgresRule> = new Map([
  [
    '22003',
    postgresRule(
      'invalid_argument',
      "A number of the vector is beyond ±65,504, what 16-bit floats hold; scale the vectors, or make the collection with index: { quantization: 'none' } or 'binary'.",
      { applied: 'no' },
    ),
  ],
  [
    '42704',
    postgresRule(
      'invalid_argument',
      'PostgreSQL at {where} has no text search configuration of that name; change `language`.',
      { applied: 'no' },
    ),
  ],
  [
    '54000',
    postgresRule('too_large', 'The document is larger than PostgreSQL holds in one row; keep less beside the vector.', {
      applied: 'no',
    }),
  ],
]);

/** The only place where errors of the server and its driver become a `StorageError`. */
export function pgvectorTranslator(where: string): Translate {
  return postgresTranslator(where, 'pgvector', rules);
}

/** Whether a statement named a table that is not there. */
export function isTableMissing(error: unknown): boolean {
  return isStorageError(error) && error.details?.['sqlstate'] === '42P01';
}
