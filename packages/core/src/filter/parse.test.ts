import { describe, expect, test } from '@jest/globals';
import { isStorageError, type StorageError } from '../errors.ts';
import type { FilterNode } from './node.ts';
import { normalizeFilter, type ParseFilterOptions, parseFilter, recordRoots } from './parse.ts';

function refusal(input: unknown, options?: ParseFilterOptions): StorageError {
  try {
    parseFilter(input, options);
  } catch (error) {
    if (isStorageError(error, 'invalid_argument')) return error;
    throw error;
  }
  throw new Error('was accepted');
}

function nested(levels: number, wrap: (inner: object) => object): object {
  let filter: object = { a: 1 };
  for (let level = 1; level < levels; level++) filter = wrap(filter);
  return filter;
}

class Condition {
  readonly #hidden = 1;
  get hidden(): number {
    return this.#hidden;
  }
}

const cyclic: Record<string, unknown> = {};
cyclic['$not'] = cyclic;

const bad: readonly (readonly [what: string, input: unknown, path: string, mend: RegExp])[] = [
  ['undefined', undefined, '', /plain object/],
  ['null', null, '', /plain object/],
  ['a text', 'a', '', /plain object/],
  ['an array', [], '', /plain object/],
  ['a Map', new Map([['a', 1]]), '', /plain object/],
  ['a Date', new Date(0), '', /plain object/],
  ['an instance', new Condition(), '', /plain object/],
  ['inherited members', Object.create({ a: 1 }), '', /plain object/],
  ['a symbol', { [Symbol('or')]: [] }, '', /symbol/],
  ['an unknown operator', { $where: '1' }, '$where', /\$where .*\$and \$or \$not.*written \\\$/],
  ['a field operator at the top', { $gt: 1 }, '$gt', /\$and \$or \$not/],
  ['an unknown operator of a field', { a: { $regex: 'x' } }, 'a.$regex', /\$regex .*\$eq .*\$startsWith/],
  ['a logical operator of a field', { a: { $or: [] } }, 'a.$or', /\$or .*\$eq/],
  ['an inherited name', { a: { $__proto__: 1 } }, 'a.$__proto__', /does not exist/],
  ['$and of an object', { $and: { a: 1 } }, '$and', /list/],
  ['$or of null', { $or: null }, '$or', /list/],
  ['$or of scalars', { $or: [{ a: 1 }, 5] }, '$or[1]', /plain object/],
  ['$or with a hole', { $or: Array(1) }, '$or[0]', /plain object/],
  ['$not of a list', { $not: [{ a: 1 }] }, '$not', /plain object/],
  ['deep within', { $and: [{ b: 1 }, { $not: { a: { $gt: true } } }] }, '$and[1].$not.a.$gt', /number, string or Date/],
  ['$not of a scalar', { a: { $not: 5 } }, 'a.$not', /plain object/],
  ['$not of a list in a field', { a: { $not: [] } }, 'a.$not', /plain object/],
  ['$not of nothing in a field', { a: { $not: {} } }, 'a.$not', /no operator/],
  ['an empty operator object', { a: {} }, 'a', /no operator; use one of \$eq/],
  ['an object', { a: { b: 1 } }, 'a.b', /path with dots/],
  ['operators and members mixed', { a: { $gt: 1, b: 1 } }, 'a.b', /operators that start with \$/],
  ['an object to $eq', { a: { $eq: { b: 1 } } }, 'a.$eq', /type object/],
  ['an array', { a: ['x'] }, 'a', /\$in .*\$contains/],
  ['an array to $eq', { a: { $eq: [] } }, 'a.$eq', /\$in .*\$contains/],
  ['a Map as operators', { a: new Map() }, 'a', /plain object/],
  ['undefined', { a: undefined }, 'a', /undefined/],
  ['undefined to an operator', { a: { $gt: undefined } }, 'a.$gt', /undefined/],
  ['undefined in a list', { a: { $in: [1, undefined] } }, 'a.$in[1]', /undefined/],
  ['a hole in a list', { a: { $in: Array(1) } }, 'a.$in[0]', /undefined/],
  ['an array in a list', { a: { $in: [[1]] } }, 'a.$in[0]', /array/],
  ['$in of a scalar', { a: { $in: 'x' } }, 'a.$in', /list/],
  ['$nin of a scalar', { a: { $nin: 1 } }, 'a.$nin', /list/],
  ['NaN', { a: Number.NaN }, 'a', /finite/],
  ['Infinity', { a: { $lt: Number.POSITIVE_INFINITY } }, 'a.$lt', /finite/],
  ['2^53', { a: 2 ** 53 }, 'a', /2\^53/],
  ['−2^53', { a: { $in: [-(2 ** 53)] } }, 'a.$in[0]', /2\^53/],
  ['1e21', { a: 1e21 }, 'a', /2\^53/],
  ['a bigint', { a: 1n }, 'a', /bigint/],
  ['a function', { a: () => 1 }, 'a', /function/],
  ['a symbol as a value', { a: Symbol('x') }, 'a', /symbol/],
  ['a lone surrogate', { a: '\ud800' }, 'a', /surrogate/],
  ['a lone surrogate to $startsWith', { a: { $startsWith: 'x\udc00' } }, 'a.$startsWith', /surrogate/],
  ['NUL', { a: 'x\0' }, 'a', /U\+0000/],
  ['NUL in a path', { 'x\0': 1 }, 'x\0', /U\+0000/],
  ['an invalid Date', { a: new Date(Number.NaN) }, 'a', /Date/],
  ['a range on a boolean', { a: { $gte: true } }, 'a.$gte', /no order/],
  ['a range on null', { a: { $lte: null } }, 'a.$lte', /no order/],
  ['$exists of a number', { a: { $exists: 1 } }, 'a.$exists', /true or false/],
  ['$startsWith of a number', { a: { $startsWith: 1 } }, 'a.$startsWith', /string/],
  ['a backslash that escapes nothing', { 'a\\b': 1 }, 'a\\b', /\\\\/],
];

describe('parseFilter refuses', () => {
  test.each(bad)('%s: %p', (_what, input, path, mend) => {
    const error = refusal(input);
    expect(error.details).toMatchObject({ path });
    expect(error.message).toMatch(mend);
  });

  test('an unknown operator, and says which there are', () => {
    expect(refusal({ a: { $regex: 'x' } }).details).toMatchObject({
      operator: '$regex',
      operators: expect.arrayContaining(['$eq', '$startsWith']),
    });
    expect(refusal({ $nor: [] }).details).toMatchObject({ operator: '$nor', operators: ['$and', '$or', '$not'] });
  });

  test.each([
    ['$not', nested(10_000, (inner) => ({ $not: inner }))],
    ['$and', nested(10_000, (inner) => ({ $and: [inner] }))],
    ['$not of a field', { a: nested(10_000, (inner) => ({ $not: inner })) }],
    ['a cycle', cyclic],
  ])('10,000 levels: %s', (_what, filter) => {
    expect(refusal(filter).details).toMatchObject({ limit: 'depth' });
  });

  test('exactly at the limits', () => {
    const deep = nested(32, (inner) => ({ $not: inner }));
    expect(parseFilter(deep)).toBeDefined();
    expect(refusal({ $not: deep }).details).toMatchObject({ limit: 'depth' });
    expect(parseFilter({ a: 1 }, { limits: { nodes: 2, bytes: 3 } })).toBeDefined();
    expect(refusal({ a: 1, b: 1 }, { limits: { nodes: 2 } }).details).toMatchObject({ limit: 'nodes' });
    for (const text of ['', 'a', 'é', '｡', '😀', '\ue000\ud7ff\u07ff\u0800']) {
      const bytes = 3 + new TextEncoder().encode(text).length;
      expect(parseFilter({ a: text }, { limits: { bytes } })).toBeDefined();
      expect(refusal({ a: text }, { limits: { bytes: bytes - 1 } }).details).toMatchObject({ limit: 'bytes' });
    }
    expect(refusal({ $or: Array.from({ length: 1000 }, () => ({})) }).details).toMatchObject({ limit: 'nodes' });
    expect(refusal({ a: { $in: Array(70_000).fill(1) } }).details).toMatchObject({ limit: 'bytes' });
    expect(refusal({ a: 'x'.repeat(65_536) }).details).toMatchObject({ limit: 'bytes' });
    expect(refusal({ ['x'.repeat(65_536)]: 1 }).message.length).toBeLessThan(400);
    expect(refusal({ [`$${'x'.repeat(65_536)}`]: 1 }).message.length).toBeLessThan(400);
  });

  test('other roots, and says which there are', () => {
    const error = refusal({ $or: [{ age: 1 }] }, { roots: recordRoots });
    expect(error.message).toContain('key, data, metadata, createdAt, updatedAt');
    expect(error.message).toContain('did you mean "data.age"?');
    expect(error.details).toMatchObject({ path: '$or[0].age' });
    expect(refusal({ 'data\\.age': 1 }, { roots: recordRoots }).message).toContain('starts with');
    expect(refusal({ age: 1 }, { roots: ['score'] }).message).not.toContain('did you mean');
    expect(parseFilter({ 'data.age': 1, key: 'x', createdAt: new Date(0) }, { roots: recordRoots })).toBeDefined();
  });
});

describe('parseFilter', () => {
  const leaf = (path: string[], op: 'eq', value: string | number | boolean): FilterNode => ({
    kind: 'leaf',
    path,
    op,
    value,
  });

  test('keeps nothing but plain keys', () => {
    const input: unknown = JSON.parse('{"__proto__":1,"constructor":2,"hasOwnProperty.x":3}');
    expect(normalizeFilter(input)).toEqual({
      kind: 'and',
      children: [leaf(['__proto__'], 'eq', 1), leaf(['constructor'], 'eq', 2), leaf(['hasOwnProperty', 'x'], 'eq', 3)],
    });
  });

  test('accepts an object without a prototype', () => {
    expect(normalizeFilter(Object.assign(Object.create(null), { a: 1 }))).toEqual(leaf(['a'], 'eq', 1));
  });

  test('accepts the edges of the domain', () => {
    const edges = [2 ** 53 - 1, -(2 ** 53 - 1), 5e-324, 0.1, '', '😀', true];
    expect(normalizeFilter({ a: { $in: edges } })).toEqual({ kind: 'leaf', path: ['a'], op: 'in', value: edges });
  });

  test('turns dates into text and −0 into 0', () => {
    expect(normalizeFilter({ a: new Date(0) })).toEqual(leaf(['a'], 'eq', '1970-01-01T00:00:00.000Z'));
    expect(normalizeFilter({ a: -0 })).toEqual(leaf(['a'], 'eq', 0));
  });
});
