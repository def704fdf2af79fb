import { describe, expect, test } from '@jest/globals';
import type { FilterNode } from './node.ts';
import { filterToJson, foldFilter } from './normal-form.ts';
import { normalizeFilter, parseFilter } from './parse.ts';

const textOf = (filter: unknown): string => filterToJson(normalizeFilter(filter));

describe('normalizeFilter', () => {
  test.each<[object, string]>([
    [{}, '["true"]'],
    [{ $and: [] }, '["true"]'],
    [{ $or: [] }, '["false"]'],
    [{ $not: {} }, '["false"]'],
    [{ a: { $in: [] } }, '["false"]'],
    [{ a: { $nin: [] } }, '["true"]'],
    [{ a: { $in: [1] } }, '["eq",["a"],1]'],
    [{ a: { $in: [1, 1, -0, 0] } }, '["in",["a"],[0,1]]'],
    [{ a: null }, '["not",["exists",["a"],true]]'],
    [{ a: { $in: [null] } }, '["not",["exists",["a"],true]]'],
    [{ a: { $in: [1, null] } }, '["or",["eq",["a"],1],["not",["exists",["a"],true]]]'],
    [{ a: { $nin: [1, null] } }, '["and",["exists",["a"],true],["not",["eq",["a"],1]]]'],
    [{ a: { $exists: false } }, '["not",["exists",["a"],true]]'],
    [{ a: { $contains: 'x' } }, '["eq",["a"],"x"]'],
    [{ a: { $ne: 1 } }, '["not",["eq",["a"],1]]'],
    [{ $not: { $not: { a: 1 } } }, '["eq",["a"],1]'],
    [{ a: { $not: { $ne: 1 } } }, '["eq",["a"],1]'],
    [{ $not: { a: 1, b: { $gt: 2 } } }, '["or",["not",["eq",["a"],1]],["not",["gt",["b"],2]]]'],
    [{ $not: { $or: [{ a: 1 }, { b: 1 }] } }, '["and",["not",["eq",["a"],1]],["not",["eq",["b"],1]]]'],
    [{ $and: [{ a: 1 }, { $and: [{ b: 1 }, {}] }] }, '["and",["eq",["a"],1],["eq",["b"],1]]'],
    [{ $or: [{ a: 1 }, {}] }, '["true"]'],
    [{ a: 1, $or: [] }, '["false"]'],
    [{ $or: [{ a: 1 }, { b: { $in: [] } }] }, '["eq",["a"],1]'],
  ])('%j', (filter, text) => {
    expect(textOf(filter)).toBe(text);
  });

  test('equal filters have one text', () => {
    expect(textOf({ a: 1, b: { $in: ['x', 2] } })).toBe(
      textOf({ $and: [{ b: { $in: [2, 'x', 2] } }, { a: { $eq: 1 } }, { a: 1 }] }),
    );
  });

  test.each<[object, object]>([
    [{ a: 1 }, { a: '1' }],
    [{ 'a.b': 1 }, { 'a\\.b': 1 }],
    [{ a: true }, { a: 'true' }],
    [{ a: { $in: ['1', '2'] } }, { a: { $in: ['1,2', '3'] } }],
    [{ a: { $gt: 1 } }, { a: { $gte: 1 } }],
    [{ a: 1, b: 2 }, { $or: [{ a: 1 }, { b: 2 }] }],
  ])('%j and %j have two', (one, other) => {
    expect(textOf(one)).not.toBe(textOf(other));
  });
});

describe('foldFilter', () => {
  test('leaves not where it is', () => {
    const leaf: FilterNode = { kind: 'leaf', path: ['a'], op: 'eq', value: 1 };
    const other: FilterNode = { kind: 'leaf', path: ['b'], op: 'eq', value: 1 };
    expect(foldFilter(parseFilter({ $not: { a: 1, b: 1 } }))).toEqual({
      kind: 'not',
      child: { kind: 'and', children: [leaf, other] },
    });
    expect(foldFilter(parseFilter({ $not: { $not: { a: 1 } } }))).toEqual(leaf);
    expect(foldFilter(parseFilter({ $not: { $or: [] } }))).toEqual({ kind: 'true' });
  });
});
