import type { Call } from '@storage/backend-kit';
import { isStorageError, StorageError } from '@storage/core';
import { quoteName } from '@storage/sql';
import { type PostgresSession, schemaLock } from '@storage/sql/pg';

/** The extension as it is installed in the database. */
export interface Extension {
  readonly version: string;
  /** The quoted name of its schema with a dot behind: what its types and operators begin with, wherever connections look. */
  readonly prefix: string;
  /** The number of its type, as arrays name it on the wire. */
  readonly vectorOid: number;
  /** Whether an order by distance and then by id is served by an index. */
  readonly sortsBehindIndex: boolean;
}

/** Iterative scans came with it. */
const oldest = [0, 8] as const;
const installMend =
  'Install pgvector 0.8 or later on the server, then let a superuser, or a user with CREATE on the database, run: CREATE EXTENSION vector';

const lookText = `SELECT e.extversion, n.nspname, t.oid::int, current_setting('server_version_num')::int
  FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
  JOIN pg_catalog.pg_type AS t ON t.typnamespace = e.extnamespace AND t.typname = 'vector' WHERE e.extname = 'vector'`;

async function look(session: PostgresSession, call: Call): Promise<Extension | undefined> {
  const { rows } = await session.run({ text: lookText }, call, false);
  const [row] = rows;
  if (row === undefined) return undefined;
  const [version, schema, vectorOid, server] = row as [string, string, number, number];
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1]))
    throw new StorageError({
      code: 'version_mismatch',
      message: `The database has pgvector ${version}; ${oldest.join('.')} is the oldest that works. Install a later one on the server, and run: ALTER EXTENSION vector UPDATE`,
      details: { found: version, expected: oldest.join('.') },
    });
  return { version, prefix: `${quoteName(schema)}.`, vectorOid, sortsBehindIndex: server >= 170_000 };
}

/** Finds the extension, and where `create` says so makes it. Fails with what to run, and who may. */
export async function findExtension(session: PostgresSession, create: boolean, call: Call): Promise<Extension> {
  const found = await look(session, call);
  if (found !== undefined) return found;
  if (create) await createExtension(session, call);
  const made = create ? await look(session, call) : undefined;
  if (made === undefined)
    throw new StorageError({
      code: 'version_mismatch',
      message: `The database does not have the extension pgvector. ${installMend}`,
    });
  return made;
}

async function createExtension(session: PostgresSession, call: Call): Promise<void> {
  try {
    await session.transaction(call, async (inside) => {
      // Of all that open a store in this database at once, one makes it; where, the connection's own search_path says.
      const lock = { text: 'SELECT pg_catalog.pg_advisory_xact_lock($1::bigint)', values: [schemaLock('')] };
      await inside.run(lock, call, true);
      await inside.run({ text: 'CREATE EXTENSION IF NOT EXISTS vector' }, call, true);
    });
  } catch (error) {
    // 42501: not allowed. 0A000, 58P01: not installed on the server.
    const state = isStorageError(error) ? error.details?.['sqlstate'] : undefined;
    const missing = isStorageError(error, 'internal') || state === '58P01' || state === '0A000';
    if (state !== '42501' && !missing) throw error;
    throw new StorageError({
      code: state === '42501' ? 'permission_denied' : 'version_mismatch',
      message: `The database does not have the extension pgvector, and this user can't make it. ${installMend}`,
      applied: 'no',
      cause: error,
    });
  }
}
