import type { Explain, Harness } from '@storage/conformance';
import { normalizeFilter, recordRoots } from '@storage/core/filter';

/** How a backend is fuzzed. */
export interface FuzzTarget {
  readonly harness: Harness;
  /** For a backend whose compiler claims to be exact. */
  readonly explain?: Explain;
}

const how = 'embedded';

/** The backends that can be fuzzed, by name. Each is imported only when it is asked for. */
export const targets: { readonly [name: string]: () => Promise<FuzzTarget> } = {
  memory: async () => {
    const { createMemory } = await import('@storage/memory');
    return {
      harness: {
        name: 'memory',
        create: () => createMemory({}),
        server: { name: 'memory', version: process.version, how },
      },
    };
  },
  sqlite: async () => {
    const { createSqlite } = await import('@storage/sqlite');
    const { compileSqlFilter, recordTarget, sqliteDialect } = await import('@storage/sql');
    return {
      harness: {
        name: 'sqlite',
        create: () => createSqlite({ path: ':memory:' }),
        server: { name: 'SQLite', version: 'bundled', how },
      },
      explain: (filter) => {
        const node = normalizeFilter(filter, { roots: recordRoots });
        // What folds to a constant is never compiled.
        return node.kind === 'true' || node.kind === 'false'
          ? 'exact'
          : compileSqlFilter(sqliteDialect, node, recordTarget).precision;
      },
    };
  },
};
