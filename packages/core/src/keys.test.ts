import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  assertKey,
  childNamespace,
  escapeNamespace,
  maxKeyBytes,
  maxNamespaceBytes,
  namespaceNames,
  utf8Length,
} from './keys.ts';

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).filter((s) => !s.includes('\0'));

describe('assertKey', () => {
  test.each(['a', ' ', '..', 'a/b:c%d', 'é', '😀', '__proto__', 'A\nB'])('takes %j', (key) => {
    expect(() => assertKey(key)).not.toThrow();
  });

  test.each([
    ['', 'invalid_argument', /key is empty; give every record a non-empty key/],
    ['a\0b', 'invalid_argument', /key contains U\+0000/],
    ['a\ud800', 'invalid_argument', /key contains a lone surrogate/],
    ['\udc00a', 'invalid_argument', /key contains a lone surrogate/],
    [undefined, 'invalid_argument', /key must be a string, not undefined/],
    [null, 'invalid_argument', /key must be a string, not null/],
    [7, 'invalid_argument', /key must be a string, not number/],
    ['x'.repeat(513), 'too_large', /key has 513 bytes of UTF-8; at most 512/],
  ])('refuses %j', (key, code, message) => {
    expect(() => assertKey(key)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  test.each([
    ['x', 1],
    ['é', 2],
    ['€', 3],
    ['😀', 4],
  ])('counts %s as %d bytes of the limit', (character, bytes) => {
    const fitting = character.repeat(maxKeyBytes / bytes);
    expect(() => assertKey(fitting)).not.toThrow();
    const actual = maxKeyBytes - (maxKeyBytes % bytes) + bytes;
    expect(() => assertKey(`${character.repeat(Math.floor(maxKeyBytes / bytes))}${character}`)).toThrow(
      expect.objectContaining({ code: 'too_large', details: { limit: maxKeyBytes, actual } }),
    );
  });
});

test('utf8Length counts what an encoder would write', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => utf8Length(value) === new TextEncoder().encode(value).length),
  );
});

describe('namespaces', () => {
  test('names are escaped in the path', () => {
    expect(escapeNamespace('a/b~c')).toBe('a~1b~0c');
    expect(childNamespace(childNamespace('', 'x/y'), '~1')).toBe('x~1y/~01');
  });

  test('the names of a path come back', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 3 }), (names) => {
        fc.pre(names.reduce((bytes, name) => bytes + utf8Length(escapeNamespace(name)) + 1, 0) <= maxNamespaceBytes);
        expect(namespaceNames(names.reduce(childNamespace, ''))).toEqual(names);
      }),
    );
  });

  test('different names never make the same path', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(escapeNamespace(a) === escapeNamespace(b)).toBe(a === b);
        expect(escapeNamespace(a)).not.toContain('/');
      }),
    );
  });

  test('the root has no names', () => {
    expect(namespaceNames('')).toEqual([]);
  });

  test.each([
    ['', 'invalid_argument', /namespace is empty/],
    ['\0', 'invalid_argument', /U\+0000/],
    ['\ud800', 'invalid_argument', /lone surrogate/],
    [3, 'invalid_argument', /namespace must be a string/],
    ['x'.repeat(97), 'too_large', /namespace path has 97 bytes/],
    ['/'.repeat(49), 'too_large', /namespace path has 98 bytes/],
  ])('refuses %j', (name, code, message) => {
    expect(() => childNamespace('', name)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  test('the limit is that of the whole path', () => {
    expect(childNamespace('a'.repeat(90), 'b'.repeat(5))).toHaveLength(96);
    expect(() => childNamespace('a'.repeat(90), 'b'.repeat(6))).toThrow(/97 bytes/);
  });
});
