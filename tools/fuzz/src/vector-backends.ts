import type { Explain, Harness, VectorFuzzOptions } from '@storage/conformance';
import { normalizeFilter } from '@storage/core/filter';

/** How the vectors of a backend are fuzzed. */
export interface VectorFuzzTarget {
  readonly harness: Harness;
  /** For a backend whose compiler claims to be exact. */
  readonly explain?: Explain;
  /** What is done in the middle of each round. */
  readonly turn?: VectorFuzzOptions['turn'];
  readonly round?: { readonly filters: number; readonly documents: number };
  readonly concurrency?: number;
  /** Ends what was started for it. */
  readonly release?: () => Promise<void>;
}

/** The backends whose vectors can be fuzzed, by name. Each is imported only when it is asked for. */
export const vectorTargets: { readonly [name: string]: () => Promise<VectorFuzzTarget> } = {
  'memory-vectors': async () => {
    const { createMemory } = await import('@storage/memory');
    return {
      harness: {
        name: 'memory-vectors',
        create: () => createMemory({}),
        server: { name: 'memory', version: process.version, how: 'embedded' },
      },
    };
  },
  'sqlite-vectors': async () => {
    const { createSqlite } = await import('@storage/sqlite');
    const { compileSqlFilter, vectorTarget, sqliteDialect } = await import('@storage/sql');
    return {
      harness: {
        name: 'sqlite-vectors',
        create: () => createSqlite({ path: ':memory:' }),
        server: { name: 'SQLite', version: 'bundled', how: 'embedded' },
      },
      explain: (filter) => {
        const node = normalizeFilter(filter);
        return node.kind === 'true' || node.kind === 'false'
          ? 'exact'
          : compileSqlFilter(sqliteDialect, node, vectorTarget).precision;
      },
    };
  },
};
