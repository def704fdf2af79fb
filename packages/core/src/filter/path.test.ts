import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { isStorageError } from '../errors.ts';
import { evaluateFilter } from './evaluate.ts';
import { joinPath, splitPath, where } from './path.ts';

describe('paths', () => {
  test.each([
    ['a', ['a']],
    ['a.b', ['a', 'b']],
    ['', ['']],
    ['a..b', ['a', '', 'b']],
    ['.', ['', '']],
    ['a\\.b.c', ['a.b', 'c']],
    ['a\\\\.b', ['a\\', 'b']],
    ['a\\\\\\.b', ['a\\.b']],
    ['\\$d', ['$d']],
    ['a.$d', ['a', '$d']],
    ['a\n.b', ['a\n', 'b']],
  ])('%j', (path, keys) => {
    expect(splitPath(path)).toEqual(keys);
    expect(joinPath(keys)).toBe(path);
  });

  test('an escape that need not be is understood', () => {
    expect(splitPath('a.\\$d')).toEqual(['a', '$d']);
  });

  test.each(['\\', 'a\\', 'a\\b', 'a.\\n', '\\\n'])('refuses a backslash that escapes nothing: %j', (path) => {
    let caught: unknown;
    try {
      splitPath(path);
    } catch (error) {
      caught = error;
    }
    expect(isStorageError(caught, 'invalid_argument')).toBe(true);
    expect(String(caught)).toContain('write \\\\');
  });

  test('refuses no keys', () => {
    expect(() => joinPath([])).toThrow('at least one key');
  });

  test('any keys survive', () => {
    const key = fc.oneof(fc.string(), fc.constantFrom('', '.', '\\', '$', '\\.', '$and', '__proto__', 'a.b'));
    fc.assert(
      fc.property(fc.array(key, { minLength: 1, maxLength: 4 }), (keys) => {
        expect(splitPath(joinPath(keys))).toEqual(keys);
        const document = keys.reduceRight<unknown>((below, name) => Object.fromEntries([[name, below]]), 1);
        expect(evaluateFilter(where(keys, { $eq: 1 }), document)).toBe(true);
        expect(evaluateFilter(where(keys, { $eq: 2 }), document)).toBe(false);
      }),
    );
  });
});
