import { describe, expect, it } from '@jest/globals';
import { evaluateFilter, normalizeFilter } from '@storage/core/filter';
import { type CompiledLeaf, compileFilter, type FilterCompilerOptions } from './filter-compiler.ts';

/** A text of what was compiled; `a` is exact, `s` a superset, everything else unsupported. */
const options: FilterCompilerOptions<string> = {
  backend: 'fake',
  postFilter: true,
  leaf: ({ path, op, value }, negated): CompiledLeaf<string> => {
    const name = path.join('.');
    if (name !== 'a' && name !== 's') return 'unsupported';
    return {
      precision: name === 'a' ? 'exact' : 'superset',
      fragment: `${negated ? '!' : ''}${name} ${op} ${String(value)}`,
    };
  },
  and: (children) => `(${children.join(' & ')})`,
  or: (children) => `(${children.join(' | ')})`,
};

const compile = (filter: object, changes: Partial<FilterCompilerOptions<string>> = {}) =>
  compileFilter(normalizeFilter(filter), { ...options, ...changes });

describe('compileFilter', () => {
  it('is exact where every leaf is', () => {
    expect(compile({ a: { $gt: 1, $ne: 5 }, $or: [{ a: 2 }, { a: { $exists: false } }] })).toEqual({
      native: '(a gt 1 & !a eq 5 & (a eq 2 | !a exists true))',
      precision: 'exact',
    });
  });

  it('pushes negation down to the leaves, which compile their own complement', () => {
    expect(compile({ $not: { $or: [{ a: 1 }, { $and: [{ s: 2 }, { $not: { a: 3 } }] }] } })).toEqual({
      native: '(!a eq 1 & (!s eq 2 | a eq 3))',
      precision: 'superset',
    });
  });

  it('drops what is unsupported from an and, and gives an or up', () => {
    expect(compile({ a: 1, x: 2 })).toEqual({ native: 'a eq 1', precision: 'superset' });
    expect(compile({ $or: [{ a: 1 }, { x: 2 }] })).toEqual({ native: undefined, precision: 'superset' });
    expect(compile({ a: 1, $or: [{ a: 2 }, { x: 2 }] })).toEqual({ native: 'a eq 1', precision: 'superset' });
    expect(compile({ $not: { $or: [{ a: 2 }, { x: 2 }] } })).toEqual({ native: '!a eq 2', precision: 'superset' });
  });

  it('refuses what is unsupported without post-filtering, naming it', () => {
    const failing = (filter: object, operator: string) =>
      expect(() => compile(filter, { postFilter: false })).toThrow(
        expect.objectContaining({ code: 'unsupported_filter', details: { operator, path: 'x\\.y', backend: 'fake' } }),
      );
    failing({ 'x\\.y': { $gt: 1 } }, '$gt');
    failing({ 'x\\.y': { $ne: 1 } }, '$ne');
    failing({ 'x\\.y': { $not: { $lt: 1 } } }, '$not $lt');
  });

  it('never loses a match, whatever the leaves can do', () => {
    let seed = 3;
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return (seed >> 8) % below;
    };
    type Test = (document: object) => boolean;
    const make = (depth: number): object => {
      const pick = random(depth > 3 ? 3 : 6);
      if (pick === 3) return { $not: make(depth + 1) };
      if (pick > 3) return { [pick === 4 ? '$and' : '$or']: [make(depth + 1), make(depth + 1)] };
      return { [['a', 's', 'x'][random(3)] ?? 'a']: { [['$eq', '$gt', '$ne'][pick] ?? '$eq']: random(3) } };
    };
    for (let round = 0; round < 2000; round++) {
      const filter = make(0);
      const node = normalizeFilter(filter);
      if (node.kind === 'true' || node.kind === 'false') continue;
      const { native, precision } = compileFilter<Test>(node, {
        backend: 'fake',
        postFilter: true,
        leaf: (leaf, negated) => {
          const [name = ''] = leaf.path;
          if (name === 'x') return 'unsupported';
          const exact: Test = (document) =>
            evaluateFilter({ [name]: { [`$${leaf.op}`]: leaf.value } }, document) !== negated;
          return name === 'a'
            ? { precision: 'exact', fragment: exact }
            : { precision: 'superset', fragment: (document) => exact(document) || round % 2 === 0 };
        },
        and: (children) => (document) => children.every((child) => child(document)),
        or: (children) => (document) => children.some((child) => child(document)),
      });
      for (let n = 0; n < 10; n++) {
        const document = { a: random(3), s: random(3), x: random(3) };
        const matches = evaluateFilter(filter, document);
        const found = native?.(document) ?? true;
        if (precision === 'exact') expect(found).toBe(matches);
        else if (matches) expect(found).toBe(true);
      }
    }
  });
});
