import type { JsonValue, Metadata } from '../json.ts';

type AnyScalar = string | number | boolean | Date;

/** What a range may compare with: text with text, numbers with numbers. Booleans have no order. */
type Ordered<S> = S extends string ? string : S extends number ? number : S extends Date ? Date : never;
type Text<S> = S extends string ? string : never;

/**
 * The operators of one field. All that are given must hold; on an array a different element may satisfy each.
 * `$ne`, `$nin` and `$not` are complements: they also match where the field is missing.
 */
export interface FieldOperators<S = AnyScalar> {
  /** The value, or an array that has it. `null`: the same as `$exists: false`. */
  readonly $eq?: S | null;
  /** The complement of `$eq`. */
  readonly $ne?: S | null;
  /** Greater, of the same type. Strings by code point; a boolean is an error. */
  readonly $gt?: Ordered<S>;
  readonly $gte?: Ordered<S>;
  readonly $lt?: Ordered<S>;
  readonly $lte?: Ordered<S>;
  /** One of these. An empty list matches nothing. */
  readonly $in?: readonly (S | null)[];
  /** The complement of `$in`. An empty list matches everything. */
  readonly $nin?: readonly (S | null)[];
  /** Another word for `$eq`, for arrays. */
  readonly $contains?: S | null;
  /** `true`: neither missing, null nor `[]`. */
  readonly $exists?: boolean;
  /** A string that begins with exactly this; case and form count. */
  readonly $startsWith?: Text<S>;
  /** The complement of these operators together. */
  readonly $not?: FieldOperators<S>;
}

/** What a field of scalars S can be asked: a value for `$eq`, or operators. */
export type FieldCondition<S = AnyScalar> = S | null | FieldOperators<S>;

// Not an interface: only a type alias is assignable to an index signature, and so a typed filter to an untyped one.
type LogicalOperators<T, D extends Depth> = {
  /** All hold. An empty list matches everything. */
  readonly $and?: readonly Filter<T, D>[];
  /** At least one holds. An empty list matches nothing. */
  readonly $or?: readonly Filter<T, D>[];
  /** The complement. */
  readonly $not?: Filter<T, D>;
};

/** A filter of data whose type is not known: any path, any operator. What is wrong is told when it is used. */
export interface UntypedFilter extends LogicalOperators<unknown, 4> {
  readonly [path: string]: FieldCondition | UntypedFilter | readonly UntypedFilter[] | undefined;
}

/** A filter that `where` made: its paths are known at run time alone, so it fits a filter of any type. */
export type WhereFilter = Readonly<Record<never, never>>;

type Bytes = ArrayBufferLike | ArrayBufferView;
type Opaque = Bytes | ((...parameters: never[]) => unknown);

/** The scalars that a member of type V can be compared with: its own, or those of its elements. */
type ScalarsOf<V> = unknown extends V
  ? AnyScalar
  : V extends string | number | boolean
    ? V
    : V extends Date
      ? Date | string
      : V extends readonly (infer E)[]
        ? ElementScalars<E>
        : never;
type ElementScalars<E> = unknown extends E
  ? AnyScalar
  : E extends string | number | boolean
    ? E
    : E extends Date
      ? Date | string
      : never;

/** A literal `.` or `\` in a key is written with a `\` before it. */
type EscapeKey<K extends string> = string extends K
  ? K
  : K extends `${string}.${string}` | `${string}\\${string}`
    ? EscapeEach<K>
    : K;
type EscapeEach<K extends string> = K extends `${infer First}${infer Rest}`
  ? `${First extends '.' | '\\' ? `\\${First}` : First}${EscapeEach<Rest>}`
  : K;
/** A `$` at the very start of a path would be an operator. */
type FirstKey<K extends string> = K extends `$${string}` ? `\\${K}` : K;

/** How many levels are left below. */
type Below = { 6: 5; 5: 4; 4: 3; 3: 2; 2: 1; 1: 0; 0: 0 };
type Depth = keyof Below;

interface Entry<P extends string, S> {
  readonly path: P;
  readonly scalars: S;
}

/** The paths within V, each with its scalars. Unions have the paths of all their members. */
type Entries<V, Prefix extends string, D extends Depth> = D extends 0
  ? never
  : unknown extends V
    ? Entry<`${Prefix}${string}`, AnyScalar>
    : V extends string | number | boolean | null | undefined | Date | readonly unknown[] | Opaque
      ? never
      : [keyof V] extends [never]
        ? Entry<`${Prefix}${string}`, AnyScalar>
        : { [K in keyof V & (string | number)]-?: MemberEntries<V[K], `${Prefix}${EscapeKey<`${K}`>}`, K, D> }[keyof V &
            (string | number)];

type MemberEntries<M, P extends string, K, D extends Depth> = string extends K
  ? Entry<P, [ObjectsOf<M>] extends [never] ? ScalarsOf<M> : AnyScalar>
  : [Exclude<M, null | undefined>] extends [Opaque]
    ? [Exclude<M, null | undefined>] extends [never] | [Bytes]
      ? Entry<P, never>
      : never
    : Entry<P, ScalarsOf<M>> | Entries<M, `${P}.`, Below[D]>;

/** What there are paths below. */
type ObjectsOf<M> = unknown extends M
  ? M
  : Exclude<M, string | number | boolean | null | undefined | Date | readonly unknown[] | Opaque>;

/** A type that says nothing about the keys at its root. */
type IsUntyped<T> = unknown extends T
  ? true
  : true extends (T extends object ? (string extends keyof T ? true : [keyof T] extends [never] ? true : never) : never)
    ? true
    : false;

type RootKey<P extends string> = string extends P ? P : FirstKey<P>;

type TypedFilter<T, D extends Depth> = {
  readonly [E in Entries<T, '', D> as RootKey<E['path']>]?: FieldCondition<E['scalars']>;
} & LogicalOperators<T, D>;

/**
 * A filter of documents of type T. Its members must all hold; `{}` matches everything.
 *
 * A member is a path and a condition: `{ 'user.age': { $gte: 18, $lt: 65 }, name: 'Ada' }`. A path has one key a
 * segment, at most four segments; a literal dot in a key is written `\.`, a backslash `\\`, a `$` at the start of the
 * path `\$`; an empty segment is the key `''`. It ends at an array, whose scalar elements it stands for, and never
 * goes on inside. Deeper paths, and paths made at run time, are built by `where`.
 *
 * Types are strict: `1` never equals `'1'` or `true`. A `Date` is its ISO text. Below `JsonValue`, `unknown` or
 * `Record<string, …>` any path is allowed.
 */
export type Filter<T = JsonValue, D extends Depth = 4> = IsUntyped<T> extends true ? UntypedFilter : TypedFilter<T, D>;

/** What a filter of records is about. */
export interface RecordDocument<T = JsonValue> {
  readonly key: string;
  /** Bytes have no paths, and do not exist for a filter. */
  readonly data: T;
  readonly metadata: Metadata;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A filter of records: paths start at `key`, `data`, `metadata`, `createdAt` or `updatedAt`; four levels below `data`. */
export type RecordFilter<T = JsonValue> = Filter<RecordDocument<T>, 5>;
