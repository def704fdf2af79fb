import type { Metric } from '@storage/core';
import type { Extension } from './pgvector-extension.ts';
import type { IndexSpec } from './pgvector-options.ts';

/** What stands in the index: full vectors, 16-bit floats or bits. */
type Kind = 'full' | 'half' | 'binary';

/** How the vectors of a collection are measured and indexed, as SQL. `$1` is the vector that is searched for. */
export interface Measure {
  /** The native distance of the full vectors. */
  readonly distance: string;
  /** What an index orders by. */
  readonly order: string;
  /** Missing: no index can be made. */
  readonly index: string | undefined;
  readonly kind: Kind;
}

const operators: Readonly<Record<Metric, string>> = { cosine: '<=>', dot_product: '<#>', euclidean: '<->' };
const classes: Readonly<Record<Metric, string>> = { cosine: 'cosine', dot_product: 'ip', euclidean: 'l2' };

/** How many dimensions an index of each kind takes. */
const mostDimensions: Readonly<Record<Kind, number>> = { full: 2000, half: 4000, binary: 64_000 };

function kindOf({ quantization }: IndexSpec, dimension: number): Kind {
  if (quantization === 'half' || quantization === 'binary') return quantization;
  return quantization === undefined && dimension > mostDimensions.full ? 'half' : 'full';
}

/** Whether searches of the collection can go by an index. */
function isIndexable(spec: IndexSpec, dimension: number): boolean {
  // Lists are clusters of directions, of which one number has none.
  const least = spec.type === 'ivfflat' ? 2 : 1;
  return spec.type !== 'none' && dimension >= least && dimension <= mostDimensions[kindOf(spec, dimension)];
}

/** The engine's words for the index, as `CollectionInfo.indexType`. */
export function indexTypeOf(spec: IndexSpec, dimension: number): string | undefined {
  if (!isIndexable(spec, dimension)) return undefined;
  const kind = kindOf(spec, dimension);
  return kind === 'full' ? spec.type : `${spec.type} (${kind === 'half' ? 'halfvec' : 'bit'})`;
}

/** What of a vector stands in the index. */
function indexed(value: string, kind: Kind, metric: Metric, dimension: number, prefix: string): string {
  if (kind === 'full') return value;
  if (kind === 'binary') return `${prefix}binary_quantize(${value})::bit(${dimension})`;
  // Directions alone are compared, so no number need be beyond what 16 bits hold.
  const scaled = metric === 'cosine' ? `${prefix}l2_normalize(${value})` : value;
  return `${scaled}::${prefix}halfvec(${dimension})`;
}

/** How a collection of this metric and dimension is searched. */
export function measureOf(metric: Metric, dimension: number, spec: IndexSpec, { prefix }: Extension): Measure {
  const kind = kindOf(spec, dimension);
  const query = `$1::${prefix}vector`;
  const operator = (sign: string): string => `OPERATOR(${prefix}${sign})`;
  const inIndex = (value: string): string => indexed(value, kind, metric, dimension, prefix);
  const sign = kind === 'binary' ? '<~>' : operators[metric];
  const type = { full: 'vector', half: 'halfvec', binary: 'bit' }[kind];
  const operatorClass = kind === 'binary' ? 'bit_hamming_ops' : `${type}_${classes[metric]}_ops`;
  const key = kind === 'full' ? 'embedding' : `(${inIndex('embedding')})`;
  const options =
    spec.type === 'hnsw' ? `m = ${spec.m}, ef_construction = ${spec.efConstruction}` : `lists = ${spec.lists}`;
  return {
    kind,
    distance: `embedding ${operator(operators[metric])} ${query}`,
    order: `${inIndex('embedding')} ${operator(sign)} ${inIndex(query)}`,
    index: isIndexable(spec, dimension)
      ? `USING ${spec.type} (${key} ${prefix}${operatorClass}) WITH (${options})`
      : undefined,
  };
}

/** The score of a native distance. */
export function scoreOfDistance(metric: Metric, distance: number): number {
  return metric === 'cosine' ? 1 - distance : 0 - distance;
}
