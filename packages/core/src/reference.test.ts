import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseReferenceUri, referenceToUri, storageKinds } from './reference.ts';

const key = fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }).filter((text) => !text.includes('\0'));
const name = fc.stringMatching(/^[\w.-]{1,64}$/);

describe('the URI of a reference', () => {
  test.each([
    ['a/b:c%d', 'memory://key_value/a%2Fb%3Ac%25d'],
    ['é', 'memory://key_value/%C3%A9'],
    ['Größe?x#y', 'memory://key_value/Gr%C3%B6%C3%9Fe%3Fx%23y'],
    ['..', 'memory://key_value/..'],
  ])('of %j', (text, uri) => {
    const address = { storageType: 'memory', kind: 'key_value', key: text } as const;
    expect(referenceToUri(address)).toBe(uri);
    expect(parseReferenceUri(uri)).toEqual(address);
  });

  test('round trips any key, provider name and kind, upper case included', () => {
    fc.assert(
      fc.property(name, fc.constantFrom(...storageKinds), key, (storageType, kind, text) => {
        const address = { storageType, kind, key: text };
        expect(parseReferenceUri(referenceToUri(address))).toEqual(address);
      }),
    );
  });

  test('is not made of a key that no store can hold', () => {
    const address = { storageType: 'memory', kind: 'key_value' } as const;
    expect(() => referenceToUri({ ...address, key: '\ud800' })).toThrow(/lone surrogate/);
    expect(() => referenceToUri({ ...address, key: '' })).toThrow(/key is empty/);
  });
});

describe('parseReferenceUri refuses', () => {
  test.each([
    '',
    'memory',
    'memory://key_value/',
    'memory://key_value',
    'memory:/key_value/a',
    'memory://nowhere/a',
    'memory://key_value/a/b',
    '://key_value/a',
    'memory://__proto__/a',
  ])('%j', (uri) => {
    expect(() => parseReferenceUri(uri)).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringContaining('provider://kind/'),
        details: { uri },
      }),
    );
  });

  test('bad percent-encoding, with its cause', () => {
    expect(() => parseReferenceUri('memory://key_value/%E0%A4%A')).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringContaining('percent-encoded'),
        cause: expect.anything(),
      }),
    );
  });

  test('an encoded U+0000', () => {
    expect(() => parseReferenceUri('memory://key_value/%00')).toThrow(/U\+0000/);
  });
});
