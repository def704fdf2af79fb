import { StorageError } from '@storage/core';
import type { Dialect } from './dialect.ts';

/** One step forward. Steps are never changed once they were released; a new one follows. */
export interface Migration {
  /** 1, 2, 3, …, without gaps. */
  readonly version: number;
  statements(dialect: Dialect): readonly string[];
}

/** The steps of one part of the schema, numbered for themselves, so that parts grow without knowing of each other. */
export interface SchemaPart {
  readonly name: string;
  readonly migrations: readonly Migration[];
}

export type MigrateMode = 'auto' | 'verify' | 'off';

/** The table that says which version each part of the schema has; safe to make again. */
export function schemaTable(dialect: Dialect): string {
  return `CREATE TABLE IF NOT EXISTS storage_schema (part ${dialect.text} PRIMARY KEY, version ${dialect.integer} NOT NULL)`;
}

export const schemaTexts = {
  /** Rows of part and version. */
  read: 'SELECT part, version FROM storage_schema',
  /** Parameters: part, version. */
  write:
    'INSERT INTO storage_schema (part, version) VALUES (?, ?) ON CONFLICT (part) DO UPDATE SET version = excluded.version',
} as const;

/** What brings a part up to date. */
export interface PlannedPart {
  readonly name: string;
  readonly version: number;
  readonly statements: readonly string[];
}

function latest(part: SchemaPart): number {
  return part.migrations.at(-1)?.version ?? 0;
}

function mismatch(name: string, found: number, expected: number, mend: string): StorageError {
  return new StorageError({
    code: 'version_mismatch',
    message: `The schema part '${name}' has version ${found}, this release knows version ${expected}. ${mend}`,
    details: { part: name, found, expected },
  });
}

/**
 * What has to be run, under the lock under which `present` was read, so that of several processes one does it.
 * A schema newer than this release is `version_mismatch`, and so is an older one under `verify`.
 */
export function planMigrations(
  dialect: Dialect,
  parts: readonly SchemaPart[],
  present: ReadonlyMap<string, number>,
  mode: MigrateMode,
): readonly PlannedPart[] {
  const planned: PlannedPart[] = [];
  if (mode === 'off') return planned;
  for (const part of parts) {
    const found = present.get(part.name) ?? 0;
    const expected = latest(part);
    if (found > expected)
      throw mismatch(part.name, found, expected, 'Upgrade the @storage packages, or open the store that matches them.');
    if (found === expected) continue;
    if (mode === 'verify') throw mismatch(part.name, found, expected, "Open it once with migrate: 'auto'.");
    planned.push({
      name: part.name,
      version: expected,
      statements: part.migrations.filter((step) => step.version > found).flatMap((step) => step.statements(dialect)),
    });
  }
  return planned;
}
