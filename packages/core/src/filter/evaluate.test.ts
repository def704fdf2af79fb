import { describe, expect, test } from '@jest/globals';
import { compileEvaluator, evaluateFilter, valueAt } from './evaluate.ts';
import { parseFilter } from './parse.ts';

/** A rule, a filter, documents that match it, and documents that do not. */
const table: readonly (readonly [
  rule: string,
  filter: object,
  matching: readonly unknown[],
  others: readonly unknown[],
])[] = [
  ['an empty filter matches everything', {}, [{}, { a: 1 }, undefined, null, 'x'], []],
  ['a value is $eq', { a: 1 }, [{ a: 1 }], [{ a: 2 }, {}]],
  ['1 equals 1.0', { a: { $eq: 1 } }, [JSON.parse('{"a":1.0}')], []],
  ['−0 equals 0', { a: 0 }, [{ a: -0 }], []],
  ['0 equals −0', { a: -0 }, [{ a: 0 }], []],
  ['types are strict: number', { a: 1 }, [], [{ a: '1' }, { a: true }, { a: 1.5 }]],
  ['types are strict: boolean', { a: true }, [{ a: true }], [{ a: 'true' }, { a: 1 }]],
  ['types are strict: string', { a: '1' }, [{ a: '1' }], [{ a: 1 }, { a: ' 1' }]],
  ['no normalisation of text', { a: 'é' }, [{ a: 'é' }], [{ a: 'e\u0301' }, { a: 'É' }]],
  ['an array has its scalar elements', { a: 'x' }, [{ a: ['y', 'x'] }], [{ a: '["x"]' }, { a: ['y'] }]],
  ['one level of them', { a: 'x' }, [], [{ a: [['x']] }, { a: [{ a: 'x' }] }]],
  ['an object has no candidates', { a: { $gte: '' } }, [], [{ a: {} }, { a: { b: 'x' } }]],
  ['each operator may have an element of its own', { a: { $gt: 5, $lt: 3 } }, [{ a: [1, 9] }], [{ a: [4] }, { a: 4 }]],
  ['all members of a filter hold', { a: 1, b: 2 }, [{ a: 1, b: 2 }], [{ a: 1 }, { b: 2 }]],
  ['$gt', { a: { $gt: 1 } }, [{ a: 1.5 }, { a: 1e21 }], [{ a: 1 }, { a: '2' }, { a: true }, {}, { a: null }]],
  ['$gte', { a: { $gte: 1 } }, [{ a: 1 }, { a: 2 }], [{ a: 0.9 }]],
  ['$lt', { a: { $lt: 0 } }, [{ a: -1 }, { a: -5e-324 }], [{ a: 0 }, { a: -0 }, { a: null }]],
  ['$lte', { a: { $lte: 0 } }, [{ a: 0 }, { a: -1 }], [{ a: 5e-324 }]],
  ['large numbers', { a: { $lt: 2 ** 53 - 1 } }, [{ a: 2 ** 53 - 2 }], [{ a: 2 ** 53 - 1 }]],
  ['text by code point', { a: { $gt: '｡' } }, [{ a: '😀' }], [{ a: '｡' }, { a: 'z' }, { a: 5 }]],
  ['text by code point, upper before lower', { a: { $lt: 'a' } }, [{ a: 'Z' }, { a: '' }], [{ a: 'a' }, { a: 'é' }]],
  [
    '$ne is the complement',
    { a: { $ne: 1 } },
    [{}, { a: null }, { a: '1' }, { a: [] }, { a: {} }],
    [{ a: 1 }, { a: [2, 1] }],
  ],
  ['$in', { a: { $in: [1, 'x', true] } }, [{ a: 1 }, { a: ['x'] }, { a: true }], [{ a: '1' }, {}]],
  ['$in of nothing', { a: { $in: [] } }, [], [{}, { a: 1 }]],
  ['$in with null', { a: { $in: [1, null] } }, [{ a: 1 }, {}, { a: null }, { a: [] }], [{ a: 2 }, { a: [null] }]],
  ['$nin', { a: { $nin: [1, 'x'] } }, [{}, { a: 2 }, { a: ['y'] }], [{ a: 1 }, { a: ['y', 'x'] }]],
  ['$nin of nothing', { a: { $nin: [] } }, [{}, { a: 1 }], []],
  ['$nin with null', { a: { $nin: [1, null] } }, [{ a: 2 }, { a: {} }], [{ a: 1 }, {}, { a: null }, { a: [] }]],
  [
    '$eq null is absent',
    { a: { $eq: null } },
    [{}, { a: null }, { a: [] }, { a: undefined }],
    [{ a: 0 }, { a: '' }, { a: {} }, { a: [null] }],
  ],
  ['null alone is $eq null', { a: null }, [{}], [{ a: false }]],
  ['$ne null is there', { a: { $ne: null } }, [{ a: 0 }, { a: [[]] }], [{}, { a: null }]],
  [
    '$exists true',
    { a: { $exists: true } },
    [{ a: 0 }, { a: {} }, { a: [null] }, { a: false }],
    [{}, { a: null }, { a: [] }],
  ],
  ['$exists false', { a: { $exists: false } }, [{}, { a: null }, { a: [] }], [{ a: 0 }, { a: {} }]],
  ['$contains is $eq', { a: { $contains: 'x' } }, [{ a: 'x' }, { a: ['x'] }], [{ a: 'xy' }, {}]],
  [
    '$startsWith',
    { a: { $startsWith: 'a%' } },
    [{ a: 'a%b' }, { a: ['z', 'a%'] }],
    [{ a: 'ab' }, { a: 'A%' }, { a: 1 }],
  ],
  ['$startsWith nothing', { a: { $startsWith: '' } }, [{ a: '' }, { a: 'x' }], [{ a: 1 }, {}, { a: [] }]],
  ['$not of a field', { a: { $not: { $gt: 5 } } }, [{}, { a: 5 }, { a: '9' }], [{ a: 6 }]],
  ['$not beside others', { a: { $gt: 1, $not: { $gt: 5 } } }, [{ a: 3 }], [{ a: 6 }, { a: 1 }]],
  ['$not of all its operators', { a: { $not: { $gt: 1, $lt: 5 } } }, [{ a: 6 }, {}], [{ a: 3 }]],
  ['$not of a filter', { $not: { a: 1, b: 2 } }, [{ a: 1 }, {}], [{ a: 1, b: 2 }]],
  ['$not of everything', { $not: {} }, [], [{}]],
  ['$and', { $and: [{ a: 1 }, { b: 2 }] }, [{ a: 1, b: 2 }], [{ a: 1 }]],
  ['$and of nothing', { $and: [] }, [{}], []],
  ['$or', { $or: [{ a: 1, b: 2 }, { c: 3 }] }, [{ a: 1, b: 2 }, { c: 3 }], [{ a: 1 }, { b: 2 }, {}]],
  ['$or of nothing', { $or: [] }, [], [{}]],
  ['$or beside a member', { a: 1, $or: [{ b: 1 }, { b: 2 }] }, [{ a: 1, b: 2 }], [{ b: 2 }, { a: 1 }]],
  ['a nested path', { 'a.b': 1 }, [{ a: { b: 1 } }], [{ 'a.b': 1 }, { a: 1 }, { a: null }]],
  ['a dot in a key', { 'a\\.b': 1 }, [{ 'a.b': 1 }], [{ a: { b: 1 } }]],
  ['a backslash in a key', { 'a\\\\b': 1 }, [{ 'a\\b': 1 }], []],
  ['a dollar in a key', { '\\$d': 1 }, [{ $d: 1 }], []],
  ['an empty key', { '': 1 }, [{ '': 1 }], [{}]],
  ['an empty key within', { 'a..b': 1 }, [{ a: { '': { b: 1 } } }], [{ a: { b: 1 } }]],
  ['never across an array', { 'a.b': 1 }, [], [{ a: [{ b: 1 }] }]],
  ['no index', { 'a.0': 1 }, [{ a: { 0: 1 } }], [{ a: [1] }]],
  ['no length', { 'a.length': 1 }, [], [{ a: [1] }, { a: 'x' }]],
  ['own members only', { constructor: { $exists: true } }, [{ constructor: 1 }], [{}, { a: 1 }]],
  ['own __proto__', JSON.parse('{"__proto__":{"$exists":true}}'), [JSON.parse('{"__proto__":1}')], [{}]],
  ['below __proto__', { '__proto__.toString': { $exists: true } }, [JSON.parse('{"__proto__":{"toString":1}}')], [{}]],
  [
    'a Date operand is its text',
    { a: new Date(0) },
    [{ a: '1970-01-01T00:00:00.000Z' }],
    [{ a: 0 }, { a: '1970-01-01T00:00:00Z' }],
  ],
  [
    'a Date in a document too',
    { a: { $gte: '1970' } },
    [{ a: new Date(0) }, { a: [new Date(0)] }],
    [{ a: new Date(Number.NaN) }],
  ],
  ['Dates in a list', { a: { $in: [new Date(0)] } }, [{ a: new Date(0) }], []],
  ['bytes are missing', { data: { $exists: false } }, [{ data: new Uint8Array(2) }, { data: new ArrayBuffer(1) }], []],
  ['nothing is below bytes', { 'data.0': { $exists: true } }, [], [{ data: new Uint8Array(2) }]],
];

describe('evaluateFilter', () => {
  test.each(table)('%s', (_rule, filter, matching, others) => {
    expect(parseFilter(filter)).toBeDefined();
    expect(matching.filter((document) => !evaluateFilter(filter, document))).toEqual([]);
    expect(others.filter((document) => evaluateFilter(filter, document))).toEqual([]);
  });

  test('a compiled filter is read once', () => {
    const filter: { a: number } = { a: 1 };
    const matches = compileEvaluator(filter);
    filter.a = 2;
    expect([matches({ a: 1 }), matches({ a: 2 })]).toEqual([true, false]);
  });

  test('nothing leaks into prototypes', () => {
    evaluateFilter(
      JSON.parse('{"__proto__":{"$eq":1},"constructor.prototype.x":1}'),
      JSON.parse('{"__proto__":{"x":1}}'),
    );
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
  });
});

describe('valueAt', () => {
  test('follows own keys alone', () => {
    expect(valueAt({ a: { b: [1] } }, ['a', 'b'])).toEqual([1]);
    expect(valueAt({ a: { b: [1] } }, ['a', 'b', '0'])).toBeUndefined();
    expect(valueAt({}, ['toString'])).toBeUndefined();
    expect(valueAt(5, [])).toBe(5);
  });
});
