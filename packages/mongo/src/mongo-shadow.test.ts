import { describe, expect, it } from '@jest/globals';
import { shadowKey, shadowPath, toShadow } from './mongo-shadow.ts';

describe('keys of a shadow', () => {
  it.each([
    ['plain', 'plain'],
    ['', '~'],
    ['a.b', 'a~1b'],
    ['a~b', 'a~0b'],
    ['~', '~0'],
    ['$where', '~2where'],
    ['a$b', 'a$b'],
    ['0', '~30'],
    ['12', '~312'],
    ['1a', '1a'],
    ['__proto__', '__proto__'],
  ])('%j is kept as %j', (key, kept) => expect(shadowKey(key)).toBe(kept));

  it('no two keys are kept as one', () => {
    const keys = ['', '~', '~0', '~1', '.', '$', '~2', '~3', '0', '~30', '.0', '$0', '~0.', '.~', '$.', '.$'];
    expect(new Set(keys.map(shadowKey)).size).toBe(keys.length);
  });

  it('a path names a member of each level', () => {
    expect(shadowPath(['data', 'a.b', '0', ''])).toBe('data.a~1b.~30.~');
    expect(shadowPath(['data'])).toBe('data');
  });
});

describe('values of a shadow', () => {
  it('leaves out what counts as absent', () => {
    expect(toShadow(null)).toBeUndefined();
    expect(toShadow([])).toBeUndefined();
    expect(toShadow({ a: null, b: [], c: {} })).toEqual(new Map([['c', new Map()]]));
  });

  it('keeps of an array its scalars, once', () => {
    expect(toShadow([1, 1, '1', true, null, [2], { a: 3 }, -0, 0])).toEqual([1, '1', true, 0]);
    expect(toShadow([[1]])).toEqual([]);
  });

  it('takes no member for a word of the driver', () => {
    const value = JSON.parse('{"_bsontype": "ObjectId", "toBSON": 1, "__proto__": {"a": 1}}') as unknown;
    expect(toShadow(value)).toEqual(
      new Map<string, unknown>([
        ['_bsontype', 'ObjectId'],
        ['toBSON', 1],
        ['__proto__', new Map([['a', 1]])],
      ]),
    );
  });
});
