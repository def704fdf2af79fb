import { checkNumber, checkOneOf } from '@storage/backend-kit';
import { type CommonOptions, invalidArgument, type SchemaOptions } from '@storage/core';
import { type ConnectionOptions, type ConnectionSettings, connectionSettings } from '@storage/sql/pg';

/** The index of a collection. A collection keeps what it was made with. */
export interface PgvectorIndexOptions {
  /** `none`: every search reads all that match, and is exact. Missing: `hnsw`. */
  readonly type?: 'hnsw' | 'ivfflat' | 'none' | undefined;
  /** Of `hnsw`: connections of a node, 2 to 100. Missing: 16. */
  readonly m?: number | undefined;
  /** Of `hnsw`: candidates looked at when a node is added, from 2 × `m` to 1,000. Missing: 64. */
  readonly efConstruction?: number | undefined;
  /** Of `ivfflat`: in how many lists the vectors are put, 1 to 32,768. Missing: 100. */
  readonly lists?: number | undefined;
  /**
   * What stands in the index; the best it finds are measured again by the full vectors. `half`: 16-bit floats, up to 4,000
   * dimensions. `binary`: a bit for each number, up to 64,000. Missing: full vectors up to 2,000 dimensions, `half` up to 4,000,
   * no index beyond.
   */
  readonly quantization?: 'none' | 'half' | 'binary' | undefined;
  /** How many times the limit of a search is taken from a quantized index and measured again, 1 to 1,000. Missing: 4 for `half`, 40 for `binary`. */
  readonly rescore?: number | undefined;
  /** How many documents there are when the index is built; up to then every search is exact. 0: together with the collection. Missing: 1,000. */
  readonly buildAt?: number | undefined;
}

/** Options of `createPgvector`. */
export interface PgvectorOptions extends ConnectionOptions, CommonOptions, SchemaOptions {
  /** Of collections that are made. */
  readonly index?: PgvectorIndexOptions | undefined;
  /** Of `hnsw`: candidates that a search looks at, 1 to 1,000, and never fewer than its limit; more find better and take longer. Missing: 200. */
  readonly efSearch?: number | undefined;
  /** Of `ivfflat`: lists that a search looks at first. Missing: the square root of the lists, and at least 10. */
  readonly probes?: number | undefined;
  /** PostgreSQL's text search configuration for hybrid search: `english`, `german`. Missing: `simple`, words as they are. */
  readonly language?: string | undefined;
}

/** The index of a collection, complete. */
export interface IndexSpec {
  readonly type: 'hnsw' | 'ivfflat' | 'none';
  readonly m: number;
  readonly efConstruction: number;
  readonly lists: number;
  readonly quantization: 'none' | 'half' | 'binary' | undefined;
}

/** Options, checked and complete. */
export interface PgvectorSettings extends ConnectionSettings {
  readonly index: IndexSpec;
  readonly rescore: number | undefined;
  readonly buildAt: number;
  readonly efSearch: number;
  readonly probes: number | undefined;
  readonly language: string;
  readonly migrate: 'auto' | 'verify' | 'off';
  readonly clock: () => number;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

function checkWhole(value: unknown, from: number, to: number, name: string): number {
  const number = checkNumber(value, from, to, name);
  if (!Number.isInteger(number)) throw invalidArgument(`${name} is a whole number.`, { path: name });
  return number;
}

function checkLanguage(language: unknown): string {
  if (typeof language !== 'string' || !/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/i.test(language))
    throw invalidArgument("language is the name of a text search configuration, such as 'english'.", {
      path: 'language',
    });
  return language;
}

function indexSpec(index: unknown): IndexSpec {
  if (typeof index !== 'object' || index === null)
    throw invalidArgument("index is an object, such as { type: 'hnsw' }.", { path: 'index' });
  const { type, m, efConstruction, lists, quantization }: PgvectorIndexOptions = index;
  const degree = checkWhole(m ?? 16, 2, 100, 'index.m');
  return {
    type: checkOneOf(type ?? 'hnsw', ['hnsw', 'ivfflat', 'none'], 'index.type'),
    m: degree,
    efConstruction: checkWhole(efConstruction ?? Math.max(64, 2 * degree), 2 * degree, 1000, 'index.efConstruction'),
    lists: checkWhole(lists ?? 100, 1, 32_768, 'index.lists'),
    quantization:
      quantization === undefined
        ? undefined
        : checkOneOf<'none' | 'half' | 'binary'>(quantization, ['none', 'half', 'binary'], 'index.quantization'),
  };
}

/** Checks options and fills in what is missing. */
export function pgvectorSettings(options: PgvectorOptions = {}): PgvectorSettings {
  const { index = {}, probes, clock = Date.now, newId, defaultTimeoutMs } = options;
  const spec = indexSpec(index);
  const { rescore, buildAt } = index;
  return {
    ...connectionSettings(options),
    index: spec,
    rescore: rescore === undefined ? undefined : checkWhole(rescore, 1, 1000, 'index.rescore'),
    buildAt: checkWhole(buildAt ?? 1000, 0, Number.MAX_SAFE_INTEGER, 'index.buildAt'),
    efSearch: checkWhole(options.efSearch ?? 200, 1, 1000, 'efSearch'),
    probes: probes === undefined ? undefined : checkWhole(probes, 1, 32_768, 'probes'),
    language: checkLanguage(options.language ?? 'simple'),
    migrate: checkOneOf(options.migrate ?? 'auto', ['auto', 'verify', 'off'], 'migrate'),
    clock,
    newId,
    defaultTimeoutMs,
  };
}
