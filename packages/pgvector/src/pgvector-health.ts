import type { Call, HealthFinding } from '@storage/backend-kit';
import type { PostgresPool } from '@storage/sql/pg';
import type { Extension } from './pgvector-extension.ts';
import type { PgvectorSettings } from './pgvector-options.ts';

/** Asks the server for its version and role, and tells how the pool is used and what became of the indexes. */
export async function checkHealth(
  pool: PostgresPool,
  { where, schema }: PgvectorSettings,
  extension: Extension | undefined,
  trouble: string | undefined,
  call: Call,
): Promise<HealthFinding> {
  const text = "SELECT current_setting('server_version'), pg_catalog.pg_is_in_recovery()";
  const { rows } = await pool.run({ text }, call);
  const [serverVersion, standby] = rows[0] ?? [];
  const details = {
    where,
    serverVersion,
    pgvectorVersion: extension?.version,
    role: standby === true ? 'standby' : 'primary',
    schema,
    pool: pool.figures(),
  };
  if (trouble === undefined) return { status: 'healthy', details };
  return {
    status: 'degraded',
    message: `An index could not be built; searches are exact, and slower: ${trouble}`,
    details,
  };
}
