import { describe, expect, it } from '@jest/globals';
import { compareCodePoints } from '@storage/core/filter';
import { SafeKeyLayout } from './key-layout.ts';

const layout = new SafeKeyLayout();

const keys: readonly string[] = [
  ...[
    'a',
    'A',
    'a/b',
    'a//b',
    'a/',
    '/a',
    'a\\b',
    '.',
    '..',
    '../a',
    '~',
    '-',
    'CON',
    'nul.txt',
    'a\nb',
    '\u0001',
    '%61',
  ],
  ...['\u00e9', 'e\u0301', '｡', '😀', '\ue000', '\u{10ffff}', '\ufeffa', 'a!', 'a-', 'a.', 'aa', 'a\u0001'],
  ...[124, 125, 126, 249, 250, 251, 511, 512].map((length) => 'x'.repeat(length)),
  ...[125, 126, 250].map((length) => `${'x'.repeat(length - 1)}y`),
  '😀'.repeat(128),
];

/** A generator of its own, so that a failure comes again. */
function* randomKeys(count: number): Generator<string> {
  let state = 7;
  const next = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
  const letters = ['a', 'b', '/', '.', '~', '-', '\u0001', '\u007f', 'é', '｡', '😀'];
  for (let made = 0; made < count; made++)
    yield Array.from({ length: 1 + next(made % 7 === 0 ? 125 : 6) }, () => letters[next(letters.length)] ?? '').join(
      '',
    );
}

describe('SafeKeyLayout', () => {
  it('brings every key back, in segments that any disk takes', () => {
    for (const key of [...keys, ...randomKeys(2000)]) {
      const segments = layout.keySegments(key);
      expect(layout.keyOf(segments)).toBe(key);
      for (const segment of segments) expect(segment).toMatch(/^[0-9a-v]{1,200}[.~]$/);
      expect(segments.slice(0, -1).every((segment) => layout.isKeyFolder(segment))).toBe(true);
      expect(layout.isKeyFolder(segments.at(-1) ?? '')).toBe(false);
    }
  });

  it.each(['.', '.record'] as const)('keeps the order of code points when leaves end in %s', (leafEnd) => {
    const other = new SafeKeyLayout(leafEnd);
    const all = [...new Set([...keys, ...randomKeys(2000)])].sort(compareCodePoints);
    const paths = all.map((key) => other.keySegments(key).join('/'));
    expect([...paths].sort()).toEqual(paths);
    expect(new Set(paths).size).toBe(all.length);
  });

  it('puts namespaces before every key', () => {
    const { behindNamespaces } = SafeKeyLayout;
    for (const name of ['a', 'acme', '~1', '..', '\u{10ffff}', 'n'.repeat(96)]) {
      const [segment = ''] = layout.namespaceSegments(name);
      expect(segment < behindNamespaces).toBe(true);
      expect(layout.namespaceOf(segment)).toBe(name);
      expect(segment.length).toBeLessThanOrEqual(155);
    }
    for (const key of keys) {
      const [segment = ''] = layout.keySegments(key);
      expect(segment > behindNamespaces).toBe(true);
      expect(layout.namespaceOf(segment)).toBeUndefined();
    }
    expect(layout.namespaceSegments('')).toEqual([]);
    expect(layout.namespaceSegments('a/b~1c').map((segment) => layout.namespaceOf(segment))).toEqual(['a', 'b~1c']);
  });

  it('tells what the paths of a prefix share', () => {
    const all = [...keys, ...randomKeys(500)];
    for (const prefix of [
      '',
      'a',
      'aa',
      'a/',
      'é',
      '😀',
      'x'.repeat(124),
      'x'.repeat(125),
      'x'.repeat(126),
      'x'.repeat(250),
    ]) {
      const shared = layout.prefixSegments(prefix).join('/');
      const found = all.filter((key) => layout.keySegments(key).join('/').startsWith(shared));
      expect(found.filter((key) => key.startsWith(prefix))).toEqual(all.filter((key) => key.startsWith(prefix)));
    }
    expect(layout.prefixSegments('ab')).toEqual(['c5h']);
  });

  it.each([
    ['an empty name', ['.']],
    ['no end', ['c4']],
    ['a folder at the end', ['c4~']],
    ['a short folder', ['c4~', 'c4.']],
    ['upper case', ['C4.']],
    ['a digit that is none', ['cz.']],
    ['bits that are left over', ['c5.']],
    ['a digit too many', ['c40.']],
    ['no UTF-8', ['vs.']],
    ['U+0000', ['00.']],
    ['another name for nothing', []],
    ['a key that is too long', [...Array.from({ length: 4 }, () => `${'c'.repeat(200)}~`), `${'c'.repeat(24)}.`]],
  ])('knows a path that is no key: %s', (_what, segments) => {
    expect(layout.keyOf(segments)).toBeUndefined();
  });
});
