import type { Call, HealthFinding } from '@storage/backend-kit';
import { inSchema, schemaTexts } from '@storage/sql';
import type { PostgresPool } from '@storage/sql/pg';
import type { ListenerState } from './postgres-listener.ts';
import type { PostgresSettings } from './postgres-options.ts';

/** Asks the server for its version, its role and the versions of the schema, and tells how the pool is used. */
export async function checkHealth(
  pool: PostgresPool,
  { schema, migrate, where }: PostgresSettings,
  { trouble, listener }: { readonly trouble: string | undefined; readonly listener: ListenerState | undefined },
  call: Call,
): Promise<HealthFinding> {
  const parts =
    migrate === 'off'
      ? "SELECT '{}'"
      : `SELECT coalesce(jsonb_object_agg(part, version), '{}') FROM (${schemaTexts.read}) AS parts`;
  const text = `SELECT current_setting('server_version'), pg_catalog.pg_is_in_recovery(), (${inSchema(schema, parts)})::text`;
  const { rows } = await pool.run({ text }, call);
  const [serverVersion, standby, versions] = rows[0] ?? [];
  const details = {
    where,
    serverVersion,
    role: standby === true ? 'standby' : 'primary',
    schema,
    parts: JSON.parse(String(versions)) as unknown,
    pool: pool.figures(),
    ...(listener !== undefined && { listener }),
  };
  if (trouble !== undefined)
    return { status: 'degraded', message: `Expired records could not be removed: ${trouble}`, details };
  return { status: 'healthy', details };
}
