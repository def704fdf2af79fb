import { describe, expect, it } from '@jest/globals';
import { collectionOfIndex, indexNameOf, isPlainId, namespaceOf, recordIdOf, unescapeName } from './pinecone-names.ts';

const legalIndex = /^[a-z0-9](?:[a-z0-9-]{0,43}[a-z0-9])?$/;

describe('names of indexes', () => {
  const names = [
    'a',
    'A',
    'docs',
    'Docs',
    'DOCS',
    'my.docs',
    'my_docs',
    'my-docs',
    'my-docs-',
    'x'.repeat(63),
    'x'.repeat(45),
  ];
  const prefixes = ['', 'p-', 'p'.repeat(17)];

  it.each(prefixes)('are legal and each its own under the prefix %j', (prefix) => {
    const indexes = names.map((name) => indexNameOf(prefix, name));
    expect(new Set(indexes).size).toBe(names.length);
    for (const index of indexes) expect(index).toMatch(legalIndex);
  });

  it('stay as they are where Pinecone takes them, and tell the collection', () => {
    expect(indexNameOf('p-', 'docs')).toBe('p-docs');
    expect(collectionOfIndex('p-', 'p-docs')).toBe('docs');
    expect(collectionOfIndex('p-', 'docs')).toBeUndefined();
    expect(collectionOfIndex('p-', indexNameOf('p-', 'Docs'))).toBeUndefined();
  });

  it('are hashed again where they look like a hash', () => {
    const hashed = indexNameOf('', 'Docs');
    expect(indexNameOf('', hashed)).not.toBe(hashed);
  });
});

describe('namespaces', () => {
  const paths = [
    [],
    ['a'],
    ['A'],
    ['a', 'b'],
    ['a:b'],
    ['a/b'],
    ['a b'],
    ['é'],
    ['e\u0301'],
    ['_a'],
    ['__default__'],
    ['%41'],
    ['a%'],
    ['\n'],
  ];

  it('are ASCII and each its own', () => {
    const places = paths.map(namespaceOf);
    expect(new Set(places).size).toBe(paths.length);
    for (const place of places) expect(place).toMatch(/^[\x21-\x7e]+$/);
    expect(namespaceOf([])).toBe('__default__');
    for (const place of places.slice(1)) expect(place.startsWith('_')).toBe(false);
  });

  it('fit, however long ours are', () => {
    expect(namespaceOf(['x'.repeat(63), '\u{1F600}'.repeat(24)]).length).toBeLessThanOrEqual(512);
  });

  it('tell the name they were made of, and nothing of what they were not', () => {
    for (const path of paths) if (path.length === 1) expect(unescapeName(namespaceOf(path))).toBe(path[0]);
    expect(unescapeName('a b')).toBeUndefined();
    expect(unescapeName('%61')).toBeUndefined();
  });
});

describe('ids', () => {
  const keys = [
    'a',
    'A',
    ' a',
    'a ',
    'a b',
    'a/b',
    'a?b&c=d#e%20',
    'é',
    'e\u0301',
    '\u{1F600}',
    '\n',
    '\x7f',
    'x'.repeat(512),
    'é'.repeat(256),
    '~sha256~x',
    '__proto__',
    '"',
    '\\',
  ];

  it('are what Pinecone takes and each its own', () => {
    const ids = keys.map(recordIdOf);
    expect(new Set(ids).size).toBe(keys.length);
    for (const id of ids) expect(id).toMatch(/^[\x21-\x7e]{1,512}$/);
  });

  it('stay as they are where Pinecone takes them', () => {
    for (const key of ['a', 'A', 'a/b', 'a?b&c=d#e%20', 'x'.repeat(512)]) expect(recordIdOf(key)).toBe(key);
    // An id that looks like a hash of ours is hashed, so that it is none of another's.
    expect(isPlainId(recordIdOf('é'))).toBe(false);
  });
});
