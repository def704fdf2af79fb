import { statSync } from 'node:fs';
import type { HealthFinding } from '@storage/backend-kit';
import { schemaTexts } from '@storage/sql';
import type { SqliteConnection } from './sqlite-connection.ts';
import type { SqliteSettings } from './sqlite-options.ts';

/** Over this size the pages are not read through: it would keep every other call waiting. */
const checkedBytes = 64 * 1024 * 1024;

function fileSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Looks at the file: its integrity as far as that is quick, its size, its versions. */
export function checkHealth(
  connection: SqliteConnection,
  { path, memory, migrate }: SqliteSettings,
  trouble: string | undefined,
): HealthFinding {
  const { database } = connection;
  const pragma = (text: string): number => Number(database.pragma(text, { simple: true }));
  const sizeBytes = pragma('page_count') * pragma('page_size');
  const [sqliteVersion, vectorVersion] = connection.prepare('SELECT sqlite_version(), vec_version()').get() ?? [];
  const integrity =
    sizeBytes <= checkedBytes
      ? String(database.pragma('quick_check(1)', { simple: true }))
      : 'not checked: too large to be quick';
  const details = {
    path,
    sqliteVersion,
    vectorVersion,
    sizeBytes,
    freeBytes: pragma('freelist_count') * pragma('page_size'),
    walBytes: memory ? 0 : fileSize(`${path}-wal`),
    journalMode: database.pragma('journal_mode', { simple: true }),
    schema: migrate === 'off' ? {} : Object.fromEntries(connection.prepare(schemaTexts.read).all()),
    integrity,
  };
  if (integrity !== 'ok' && sizeBytes <= checkedBytes) {
    return {
      status: 'unhealthy',
      message: `${path} is damaged (${integrity}); restore it from a backup, or save what is left with \`sqlite3 <file> .recover\`.`,
      details,
    };
  }
  if (trouble !== undefined)
    return { status: 'degraded', message: `Expired records could not be removed: ${trouble}`, details };
  return { status: 'healthy', details };
}
