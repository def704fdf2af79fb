import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeJson, isByteStream, isBytes, maxValueDepth } from './values.ts';

function nested(levels: number, leaf: unknown): unknown {
  let value = leaf;
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { m: value };
  return value;
}

class Point {
  readonly x = 1;
  readonly at = new Date(0);
  #hidden = 2;
  get sum(): number {
    return this.x + this.#hidden;
  }
}

class Money {
  readonly amount = 5n;
  toJSON(): unknown {
    return { amount: String(this.amount) };
  }
}

describe('encodeJson takes', () => {
  test('any JSON, unchanged', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        const expected = JSON.stringify(value);
        fc.pre(!expected.includes('\\u'));
        expect(encodeJson(value, 'data')).toBe(expected);
      }),
    );
  });

  test.each([
    ['undefined members, which vanish', { a: 1, b: undefined }, { a: 1 }],
    [
      'dates, as ISO text',
      { at: new Date(0), list: [new Date(1)] },
      { at: '1970-01-01T00:00:00.000Z', list: ['1970-01-01T00:00:00.001Z'] },
    ],
    ['-0, as 0', [-0], [0]],
    ['instances of classes, by their own members', new Point(), { x: 1, at: '1970-01-01T00:00:00.000Z' }],
    ['what a class makes of itself in toJSON', { price: new Money() }, { price: { amount: '5' } }],
    ['what a plain object makes of itself in toJSON', { own: { toJSON: () => [1] } }, { own: [1] }],
    ['a list that makes something of itself', Object.assign([1], { toJSON: () => 'list' }), 'list'],
    ['a URL', new URL('http://a.example/'), 'http://a.example/'],
    ['objects without a prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ['own members named __proto__', JSON.parse('{"__proto__":{"a":1}}'), JSON.parse('{"__proto__":{"a":1}}')],
    ['control characters', '\u0001\u001f', '\u0001\u001f'],
    ['text that only looks like an escape', { '\\u0000': '\\ud800' }, { '\\u0000': '\\ud800' }],
    ['pairs of surrogates', '😀', '😀'],
    ['symbol keys, which vanish', { [Symbol('s')]: 1, a: 2 }, { a: 2 }],
  ])('%s', (_, value, expected) => {
    expect(JSON.parse(encodeJson(value, 'data'))).toEqual(expected);
  });

  test('values of another realm', () => {
    const foreign: unknown = runInNewContext('({ list: [1, { a: "b" }], at: new Date(0), none: null })');
    expect(encodeJson(foreign, 'data')).toBe('{"list":[1,{"a":"b"}],"at":"1970-01-01T00:00:00.000Z","none":null}');
  });

  test('the same object twice, when it is no cycle', () => {
    const shared = { a: 1 };
    expect(encodeJson([shared, shared], 'data')).toBe('[{"a":1},{"a":1}]');
  });

  test('a toJSON that answers itself, as JSON.stringify does', () => {
    const self = { a: 1 };
    Object.defineProperty(self, 'toJSON', { value: () => self });
    expect(encodeJson([self], 'data')).toBe('[{"a":1}]');
  });

  test.each(['x', {}, []])('64 levels around %j', (leaf) => {
    const levels = typeof leaf === 'string' ? maxValueDepth : maxValueDepth - 1;
    const value = nested(levels, leaf);
    expect(encodeJson(value, 'data')).toBe(JSON.stringify(value));
    expect(() => encodeJson(nested(levels + 1, leaf), 'data')).toThrow(/nested deeper than 64 levels, or a cycle/);
  });
});

describe('encodeJson refuses', () => {
  const cycle: { self?: unknown } = {};
  cycle.self = { back: cycle };

  test.each([
    ['undefined', undefined, 'data', /undefined; store null/],
    ['a function', { a: [() => 1] }, 'data.a[0]', /a function/],
    ['a symbol', { a: Symbol('s') }, 'data.a', /a symbol/],
    ['a bigint', { a: { b: 1n } }, 'data.a.b', /a bigint/],
    ['NaN', [1, Number.NaN], 'data[1]', /NaN; JSON has finite numbers only/],
    ['infinity', { a: Number.NEGATIVE_INFINITY }, 'data.a', /-Infinity/],
    ['a hole in a list', Object.assign(new Array(3), { 0: 1, 2: 3 }), 'data[1]', /undefined/],
    ['undefined in a list', [undefined], 'data[0]', /undefined/],
    ['a Map', { a: new Map() }, 'data.a', /a Map; convert it/],
    ['a Set', { a: new Set([1]) }, 'data.a', /a Set/],
    ['an error', { a: new Error('x') }, 'data.a', /a Error/],
    ['a regular expression', [/a/], 'data[0]', /a RegExp/],
    ['a promise', { a: Promise.resolve(1) }, 'data.a', /a Promise/],
    ['a boxed number', { a: Object(1) }, 'data.a', /a Number/],
    ['bytes inside', { a: new Uint8Array(2) }, 'data.a', /a Uint8Array inside JSON; store bytes alone/],
    ['a Buffer inside', { a: Buffer.from('x') }, 'data.a', /a Uint8Array inside JSON/],
    ['a typed array', new Float32Array(2), 'data', /a Float32Array inside JSON; .*numbers as an array/],
    ['an ArrayBuffer', { a: new ArrayBuffer(1) }, 'data.a', /a ArrayBuffer/],
    ['an invalid date', { at: new Date('never') }, 'data.at', /an invalid Date/],
    ['an invalid date of another realm', { at: runInNewContext('new Date(NaN)') }, 'data.at', /an invalid Date/],
    ['a Map of another realm', { a: runInNewContext('new Map()') }, 'data.a', /a Map/],
    [
      'what calls itself a Date',
      {
        a: new (class {
          get [Symbol.toStringTag](): string {
            return 'Date';
          }
        })(),
      },
      'data.a',
      /an invalid Date/,
    ],
    ['a bad answer of toJSON', { a: { toJSON: () => 1n } }, 'data.a', /a bigint/],
    ['a bad member of the answer of toJSON', { a: { toJSON: () => ({ b: Number.NaN }) } }, 'data.a.b', /NaN/],
    ['U+0000 in text', { a: ['x\0'] }, 'data.a[0]', /text with U\+0000/],
    ['U+0000 in a key', { a: { 'b\0': 1 } }, 'data.a key "b\\u0000"', /text with U\+0000/],
    ['U+0000 beside text that only looks like it', { a: '\\u0000', b: '\0' }, 'data.b', /text with U\+0000/],
    ['U+0000 from toJSON', { a: { toJSON: () => '\0' } }, 'data.a', /text with U\+0000/],
    ['a lone surrogate in text', ['\ud83d'], 'data[0]', /a lone surrogate/],
    ['a lone surrogate in a key', { '\udc00': 1 }, 'data key "\\udc00"', /a lone surrogate/],
  ])('%s', (_, value, path, message) => {
    expect(() => encodeJson(value, 'data')).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { path }, message: expect.stringMatching(message) }),
    );
  });

  test('a cycle', () => {
    expect(() => encodeJson(cycle, 'data')).toThrow(/or a cycle/);
  });

  test('and names what it was called with', () => {
    expect(() => encodeJson({ a: 1n }, 'metadata')).toThrow(/^metadata\.a is a bigint/);
  });
});

test('isBytes tells Uint8Arrays of any realm', () => {
  expect(isBytes(new Uint8Array())).toBe(true);
  expect(isBytes(Buffer.alloc(1))).toBe(true);
  expect(isBytes(runInNewContext('new Uint8Array(1)'))).toBe(true);
  for (const other of [new Float32Array(), new DataView(new ArrayBuffer(1)), [], 'x', null, undefined]) {
    expect(isBytes(other)).toBe(false);
  }
  expect(isBytes({ [Symbol.toStringTag]: 'Uint8Array' })).toBe(false);
});

test('isByteStream tells async iterables', () => {
  expect(
    isByteStream(
      (async function* () {
        yield 1;
      })(),
    ),
  ).toBe(true);
  for (const other of [[], new Uint8Array(), {}, null, 'x']) expect(isByteStream(other)).toBe(false);
});
