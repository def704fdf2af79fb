/** A value that a leaf compares with. A `Date` has become its ISO text, −0 has become 0, null has become `not exists`. */
export type FilterScalar = string | number | boolean;

/**
 * A condition on one path. It holds when at least one candidate of the path satisfies it (a scalar is its own
 * candidate, an array has its scalar elements, all else has none); `exists` holds unless the value is missing, null or `[]`.
 */
export type FilterLeaf =
  /** A candidate of the same type and value. */
  | { readonly kind: 'leaf'; readonly path: readonly string[]; readonly op: 'eq'; readonly value: FilterScalar }
  /** A candidate of the same type on that side; strings by code point. */
  | {
      readonly kind: 'leaf';
      readonly path: readonly string[];
      readonly op: 'gt' | 'gte' | 'lt' | 'lte';
      readonly value: string | number;
    }
  /** A candidate that equals one of the values, which may be of different types; no value twice. */
  | {
      readonly kind: 'leaf';
      readonly path: readonly string[];
      readonly op: 'in';
      readonly value: readonly FilterScalar[];
    }
  /** A string candidate that begins with exactly these characters. */
  | { readonly kind: 'leaf'; readonly path: readonly string[]; readonly op: 'startsWith'; readonly value: string }
  /** Neither missing, null nor `[]`. */
  | { readonly kind: 'leaf'; readonly path: readonly string[]; readonly op: 'exists'; readonly value: true };

/** The operators that are left in a tree; the others are written with these and `not`. */
export type FilterLeafOperator = FilterLeaf['op'];

/** A validated filter. Two-valued: `not` is the complement. */
export type FilterNode =
  | { readonly kind: 'true' }
  | { readonly kind: 'false' }
  | { readonly kind: 'and' | 'or'; readonly children: readonly FilterNode[] }
  | { readonly kind: 'not'; readonly child: FilterNode }
  | FilterLeaf;

/** What a filter of an untrusted sender may be. */
export interface FilterLimits {
  /** Levels of filters and operator objects within one another. 32. */
  readonly depth: number;
  /** Filters, operator objects and operators in all. 1000. */
  readonly nodes: number;
  /** UTF-8 bytes of paths and text operands, and one for each path and operand. 64 KiB. */
  readonly bytes: number;
}
