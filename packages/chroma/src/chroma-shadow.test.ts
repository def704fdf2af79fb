import { describe, expect, it } from '@jest/globals';
import { decodeRecord, encodeShadow, nativeKey, tokenKey } from './chroma-shadow.ts';

const vector = Float32Array.of(1);

function shadowOf(metadata: object, fields = {}): { readonly [key: string]: unknown } {
  const row = { id: 'a', vector, content: undefined, metadata: JSON.stringify(metadata), createdAt: 5 };
  const { 'storage:record': record, ...rest } = encodeShadow(row, fields);
  expect(decodeRecord({ id: 'a', document: '', metadata: { 'storage:record': record ?? '' }, vector })).toEqual(row);
  return { ...rest };
}

describe('the shadow of a document', () => {
  it('keeps scalars native under their paths, everything else in tokens', () => {
    expect(shadowOf({ s: 'x', n: -0, b: false, o: { 'a.b': 1, c: { d: 'y' } }, none: null, empty: [] })).toEqual({
      s: 'x',
      n: 0,
      b: false,
      'o.a\\.b': 1,
      'o.c.d': 'y',
    });
    expect(shadowOf({ l: ['x', 1, 1, null, { y: 1 }] })).toEqual({
      'storage:kind:l': 'a',
      'storage:has:l="x"': 'y',
      'storage:has:l=1': 'y',
    });
    expect(shadowOf({ big: 2 ** 60 })).toEqual({
      'storage:kind:big': 'a',
      'storage:has:big=1152921504606847000': 'y',
    });
    expect(Object.keys(shadowOf({ long: 'x'.repeat(2000) }))).toEqual([
      'storage:kind:long',
      expect.stringMatching(/^storage:has:long=#[\w-]{43}$/),
    ]);
  });

  it('tells the kind of what is declared, and the time of dates', () => {
    const at = '2024-05-06T07:08:09.123Z';
    expect(shadowOf({ at, o: {} }, { at: 'date', o: 'string' })).toEqual({
      at,
      'storage:kind:at': 's',
      'storage:ms:at': Date.parse(at),
      'storage:kind:o': 'o',
    });
  });

  it('escapes keys that Chroma or this library keep for themselves, each differently', () => {
    const paths = [
      ['$a'],
      ['#a'],
      ['chroma:a'],
      ['storage:a'],
      [''],
      ['__proto__'],
      ['\\#a'],
      ['a.b'],
      ['a', 'b'],
      ['a\\'],
    ];
    const keys = paths.map(nativeKey);
    expect(new Set(keys).size).toBe(paths.length);
    for (const key of keys) expect(key).not.toMatch(/^($|[#$]|chroma:|storage:|__proto__$)/);
    expect(tokenKey('a', 0)).toBe(tokenKey('a', -0));
  });

  it('reads what others wrote by its native metadata, and says of what is damaged which', () => {
    const foreign = decodeRecord({ id: 'a', document: 'text', metadata: { x: 1 }, vector: undefined });
    expect(foreign).toEqual({ id: 'a', vector: undefined, content: 'text', metadata: '{"x":1}', createdAt: undefined });
    expect(() => decodeRecord({ id: 'a', document: null, metadata: { 'storage:record': 'x' }, vector })).toThrow(/"a"/);
  });
});
