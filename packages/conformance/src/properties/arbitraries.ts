import { joinPath } from '@storage/core/filter';
import fc from 'fast-check';

/** Keys that compilers of paths get wrong. The first few come most often, so that filters meet documents. */
export const keyPool: readonly string[] = [
  'a',
  'b',
  'a.b',
  'q"t',
  "s'q",
  'bs\\l',
  '$d',
  '',
  'é',
  '0',
  'a]',
  'x y',
  '__proto__',
  'constructor',
  'n\nl',
];

const numberPool: readonly number[] = [
  0,
  1,
  -1,
  1.5,
  -1.5,
  0.1,
  2,
  5,
  10,
  Number.MAX_SAFE_INTEGER,
  -Number.MAX_SAFE_INTEGER,
  5e-324,
  16_777_217,
  1e-7,
];

const long = 'long'.repeat(1100);

export const stringPool: readonly string[] = [
  '',
  '1',
  '1.5',
  'true',
  'null',
  'a',
  'A',
  'ab',
  'a%',
  'a_',
  'aXb',
  '[1]',
  '{"a":1}',
  '\u00e9',
  'e\u0301',
  '😀',
  '｡',
  'ﬀ',
  'İ',
  '$a',
  '*',
  '\\',
  "'",
  '"',
  '%',
  '_',
  '2024-01-01T00:00:00.000Z',
  '2024-01-01T00:00:00Z',
  ' a',
  'a ',
  'a,b',
  `${long}1`,
  `${long}2`,
];

/** Numbers that may be stored but not asked for. */
const storedNumberPool: readonly number[] = [...numberPool, 1e21, -1e21, 2 ** 53, 1.7976931348623157e308];

const frequent = <T>(pool: readonly T[], count: number): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...pool.slice(0, count)) },
    { weight: 1, arbitrary: fc.constantFrom(...pool) },
  );

const key = frequent(keyPool, 2);
const storedScalar = fc.oneof(
  { weight: 4, arbitrary: frequent(storedNumberPool, 3) },
  { weight: 4, arbitrary: frequent(stringPool, 6) },
  { weight: 1, arbitrary: fc.boolean() },
);

/** An object whose own keys are exactly these, `__proto__` among them. */
function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  return JSON.parse(
    `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`,
  ) as object;
}

const { value } = fc.letrec<{ value: unknown; object: object }>((tie) => ({
  object: fc.array(fc.tuple(key, tie('value')), { minLength: 1, maxLength: 3 }).map(objectOf),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true, maxDepth: 2 },
    { weight: 6, arbitrary: storedScalar },
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(storedScalar, { minLength: 1, maxLength: 1 }) },
    {
      weight: 2,
      arbitrary: fc.array(
        fc.oneof(
          { weight: 6, arbitrary: storedScalar },
          { weight: 1, arbitrary: fc.constantFrom(null, [1], ['a'], { a: 1 }) },
        ),
        { minLength: 2, maxLength: 4 },
      ),
    },
    { weight: 3, arbitrary: tie('object') },
  ),
}));

/** An object as it may be stored: any shape under keys of the pool, now and then both `{"a.b": …}` and `{a: {b: …}}`. */
export const documentArbitrary: fc.Arbitrary<object> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(fc.option(value, { freq: 6 }), fc.array(fc.tuple(key, value), { maxLength: 4 }))
      .map(([a, rest]) => objectOf(a === null ? rest : [...rest, ['a', a]])),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(value, value).map(([dotted, nested]) =>
      objectOf([
        ['a.b', dotted],
        ['a', { b: nested }],
      ]),
    ),
  },
);

/** A document, or a value that is none. */
export const dataArbitrary: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 19, arbitrary: documentArbitrary },
  { weight: 1, arbitrary: value },
);

/** The operators of the language, as coverage counts them. */
export const operators = [
  '$eq',
  '$ne',
  '$gt',
  '$gte',
  '$lt',
  '$lte',
  '$in',
  '$nin',
  '$exists',
  '$contains',
  '$startsWith',
  '$not',
] as const;
export type Operator = (typeof operators)[number];

const number = frequent(numberPool, 3);
const string = frequent(stringPool, 6);
const scalar = fc.oneof(
  { weight: 4, arbitrary: number },
  { weight: 4, arbitrary: string },
  { weight: 1, arbitrary: fc.boolean() },
  { weight: 1, arbitrary: fc.constant(null) },
);
const ordered = fc.oneof(number, string);
const prefix = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'A',
    '1',
    'a%',
    '%',
    '_',
    '*',
    'long',
    '2024-01-01',
    '\u00e9',
    'e',
    '{',
    '[',
    '"',
    "'",
    '\\',
    '$',
    ' ',
  ),
  string,
);

const condition: fc.Arbitrary<readonly [Operator, unknown]> = fc.oneof(
  fc.tuple(fc.constantFrom('$eq' as const, '$ne' as const, '$contains' as const), scalar),
  fc.tuple(fc.constantFrom('$gt' as const, '$gte' as const, '$lt' as const, '$lte' as const), ordered),
  fc.tuple(fc.constantFrom('$gt' as const, '$gte' as const, '$lt' as const, '$lte' as const), ordered),
  fc.tuple(
    fc.constantFrom('$in' as const, '$nin' as const),
    fc.oneof(
      { weight: 6, arbitrary: fc.array(scalar, { minLength: 1, maxLength: 4 }) },
      { weight: 1, arbitrary: fc.constant([]) },
    ),
  ),
  fc.tuple(fc.constant('$exists' as const), fc.boolean()),
  fc.tuple(fc.constant('$startsWith' as const), prefix),
);
const ends = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(number, number).map(([a, b]) => (a < b ? [a, b] : [b, a])) },
  { weight: 2, arbitrary: fc.tuple(string, string).map(([a, b]) => (a < b ? [a, b] : [b, a])) },
  { weight: 1, arbitrary: fc.tuple(ordered, ordered) },
);
const range: fc.Arbitrary<object> = fc
  .tuple(fc.constantFrom('$gt', '$gte', '$gte'), fc.constantFrom('$lt', '$lte', '$lte'), ends)
  .map(([low, high, [from, to]]) => ({ [low]: from, [high]: to }));
const plainOperators = fc
  .array(condition, { minLength: 1, maxLength: 2 })
  .map((list): object => Object.fromEntries(list));
const operatorsObject: fc.Arbitrary<object> = fc.oneof(
  { weight: 6, arbitrary: plainOperators },
  { weight: 2, arbitrary: range },
  { weight: 1, arbitrary: plainOperators.map(($not) => ({ $not })) },
  { weight: 1, arbitrary: fc.oneof(range, plainOperators).map((inner) => ({ $not: { $not: inner } })) },
  { weight: 1, arbitrary: range.map(($not) => ({ $not })) },
);

/** Where paths of a filter may start, and how often. */
export interface PathRoots {
  /** A path of keys below documents like those of `documentArbitrary`. */
  readonly documents: readonly (readonly string[])[];
  /** Whole paths with operands that meet something there. */
  readonly fixed?: readonly { readonly path: readonly string[]; readonly operands: readonly string[] }[];
}

const belowDocument = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(['a'], ['a'], ['a'], ['b'], ['b'], ['a', 'b'], ['a.b']) },
  { weight: 1, arbitrary: fc.array(key, { minLength: 1, maxLength: 3 }) },
);

function fieldArbitrary(roots: PathRoots): fc.Arbitrary<object> {
  const path = fc
    .tuple(frequent(roots.documents, 1), belowDocument)
    .map(([root, below]) => joinPath([...root, ...below]));
  const made = fc
    .tuple(path, fc.oneof({ weight: 1, arbitrary: scalar }, { weight: 5, arbitrary: operatorsObject }))
    .map(([name, test]) => ({ [name]: test }));
  const fixed = (roots.fixed ?? []).map(({ path: keys, operands }) => {
    const one = fc.constantFrom(...operands);
    const test = fc.oneof(
      one,
      fc
        .tuple(fc.constantFrom('$eq', '$ne', '$gt', '$gte', '$lt', '$lte', '$startsWith'), one)
        .map(([name, operand]) => ({ [name]: operand })),
      fc
        .tuple(fc.constantFrom('$in', '$nin'), fc.array(one, { maxLength: 3 }))
        .map(([name, list]) => ({ [name]: list })),
      fc.boolean().map(($exists) => ({ $exists })),
    );
    return { weight: 1, arbitrary: test.map((operand) => ({ [joinPath(keys)]: operand })) };
  });
  return fc.oneof({ weight: 30, arbitrary: made }, ...fixed);
}

/** Filters over documents of `documentArbitrary`: every operator, constant parts, double negation, ranges with two ends. */
export function filterArbitrary(roots: PathRoots): fc.Arbitrary<object> {
  const field = fieldArbitrary(roots);
  const { filter } = fc.letrec<{ filter: object; list: readonly object[] }>((tie) => ({
    list: fc.oneof(
      { weight: 8, arbitrary: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }) },
      { weight: 1, arbitrary: fc.constant([]) },
    ),
    filter: fc.oneof(
      { depthSize: 'small', withCrossShrink: true, maxDepth: 3 },
      { weight: 10, arbitrary: field },
      { weight: 2, arbitrary: fc.tuple(field, field).map(([one, two]) => ({ ...one, ...two })) },
      { weight: 2, arbitrary: tie('list').map(($and) => ({ $and })) },
      { weight: 3, arbitrary: tie('list').map(($or) => ({ $or })) },
      { weight: 3, arbitrary: tie('filter').map(($not) => ({ $not })) },
      { weight: 1, arbitrary: fc.tuple(field, tie('list')).map(([one, $or]) => ({ ...one, $or })) },
    ),
  }));
  return filter;
}

/** Inputs that no filter may be: each must be refused, whatever surrounds it. */
export const illegalFilters: readonly unknown[] = [
  null,
  undefined,
  1,
  'a',
  [],
  [{}],
  new Date(0),
  new Map(),
  { $where: '1' },
  { $expr: {} },
  { $nor: [] },
  { $and: {} },
  { $or: { a: 1 } },
  { $not: [] },
  { $not: 1 },
  { $and: [1] },
  { $or: [null] },
  { p: { $regex: 'a' } },
  { p: { $size: 1 } },
  { p: { $elemMatch: {} } },
  { p: { $type: 'string' } },
  { p: {} },
  { p: { a: 1 } },
  { p: [] },
  { p: [1] },
  { p: undefined },
  { p: Number.NaN },
  { p: Number.POSITIVE_INFINITY },
  { p: 2 ** 53 },
  { p: 1n },
  { p: Symbol('s') },
  { p: () => true },
  { p: '\ud800' },
  { p: 'a\0b' },
  { p: { $eq: undefined } },
  { p: { $eq: [] } },
  { p: { $eq: {} } },
  { p: { $gt: true } },
  { p: { $gte: null } },
  { p: { $lt: [1] } },
  { p: { $in: 'a' } },
  { p: { $in: [[1]] } },
  { p: { $in: [undefined] } },
  { p: { $nin: null } },
  { p: { $exists: 1 } },
  { p: { $exists: 'true' } },
  { p: { $startsWith: 1 } },
  { p: { $startsWith: null } },
  { p: { $not: 1 } },
  { p: { $not: {} } },
  { p: { $gt: 1, $foo: 2 } },
  { p: { $eq: new Date(Number.NaN) } },
  { 'p\\x': 1 },
];
