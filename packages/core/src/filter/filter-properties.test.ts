import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { evaluateFilter } from './evaluate.ts';
import type { FilterLeaf, FilterNode } from './node.ts';
import { foldFilter } from './normal-form.ts';
import { normalizeFilter, parseFilter } from './parse.ts';
import { joinPath } from './path.ts';

// Few keys, so that filters meet documents.
const keys = ['a', 'b', 'a.b', 'q"t', 'bs\\l', '$d', '', '__proto__', 'constructor'];
const numbers = [0, -0, 1, -1, 1.5, -1.5, 0.1, 2 ** 53 - 1, -(2 ** 53 - 1), 5e-324, 16777217];
const strings = [
  '',
  '1',
  '1.5',
  'true',
  'null',
  'a',
  'A',
  'a%',
  'a_',
  '[1]',
  'é',
  'e\u0301',
  '😀',
  '｡',
  'ﬀ',
  '$a',
  '\\',
  "'",
  '"',
  '2020-01-01T00:00:00.000Z',
];

const key = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('a', 'b') }, fc.constantFrom(...keys));
const range = fc.constantFrom<string | number>(...numbers, ...strings);
const scalar = fc.oneof({ weight: 4, arbitrary: range }, fc.boolean());
const element = fc.oneof(
  { weight: 4, arbitrary: scalar },
  fc.constantFrom<unknown>(null, [], ['a'], {}, { a: 1 }),
  fc.constant(1e21),
);
const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 2 }, element, fc.array(element, { maxLength: 3 }), tie('object')),
  object: fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
}))['value'];
const document = fc.array(fc.tuple(key, value), { maxLength: 4 }).map((entries) => Object.fromEntries(entries));

const path = fc.array(key, { minLength: 1, maxLength: 2 }).map(joinPath);
const operand = fc.oneof({ weight: 6, arbitrary: scalar }, fc.constant(null), fc.constant(new Date(Date.UTC(2020, 0))));
const operators: fc.Arbitrary<object> = fc.letrec<{ operators: object }>((tie) => ({
  operators: fc
    .record(
      {
        $eq: operand,
        $ne: operand,
        $contains: operand,
        $gt: range,
        $gte: range,
        $lt: range,
        $lte: range,
        $in: fc.array(operand, { maxLength: 3 }),
        $nin: fc.array(operand, { maxLength: 3 }),
        $exists: fc.boolean(),
        $startsWith: fc.constantFrom(...strings),
        $not: tie('operators'),
      },
      { requiredKeys: [] },
    )
    .chain((all) =>
      fc.shuffledSubarray(Object.entries(all), {
        minLength: Math.min(1, Object.keys(all).length),
        maxLength: Math.min(2, Object.keys(all).length),
      }),
    )
    .map((entries): object => Object.fromEntries(entries))
    .filter((some) => Object.keys(some).length > 0),
})).operators;
const field = fc
  .tuple(path, fc.oneof(operand, operators))
  .map(([name, condition]): object => Object.fromEntries([[name, condition]]));
const filter: fc.Arbitrary<object> = fc.letrec<{ filter: object }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 3, arbitrary: field },
    fc
      .array(field, { maxLength: 2 })
      .map((fields): object => Object.fromEntries(fields.flatMap((one) => Object.entries(one)))),
    fc.array(tie('filter'), { maxLength: 3 }).map(($and): object => ({ $and })),
    fc.array(tie('filter'), { maxLength: 3 }).map(($or): object => ({ $or })),
    tie('filter').map(($not): object => ({ $not })),
  ),
})).filter;

/** A second reading of the rules, over the tree. */
function holds(node: FilterNode, root: unknown): boolean {
  switch (node.kind) {
    case 'true':
      return true;
    case 'false':
      return false;
    case 'and':
      return node.children.every((child) => holds(child, root));
    case 'or':
      return node.children.some((child) => holds(child, root));
    case 'not':
      return !holds(node.child, root);
    case 'leaf':
      return leafHolds(node, find(root, node.path));
  }
}

function find(root: unknown, path: readonly string[]): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return root;
  if (typeof root !== 'object' || root === null || Array.isArray(root)) return undefined;
  const own = Object.entries(root).find(([name]) => name === first);
  return own && find(own[1], rest);
}

function leafHolds(leaf: FilterLeaf, found: unknown): boolean {
  if (leaf.op === 'exists') return found !== undefined && found !== null && JSON.stringify(found) !== '[]';
  const candidates: unknown[] = Array.isArray(found) ? found : [found];
  return candidates.some((candidate) => {
    switch (leaf.op) {
      case 'eq':
        return candidate === leaf.value;
      case 'in':
        return leaf.value.some((one) => one === candidate);
      case 'startsWith':
        return typeof candidate === 'string' && candidate.slice(0, leaf.value.length) === leaf.value;
      default: {
        const order = compare(candidate, leaf.value);
        if (Number.isNaN(order)) return false;
        return { gt: order > 0, gte: order >= 0, lt: order < 0, lte: order <= 0 }[leaf.op];
      }
    }
  });
}

function compare(a: unknown, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return Math.sign(a - b);
  if (typeof a !== 'string' || typeof b !== 'string') return Number.NaN;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Whether `not` stands on leaves alone and nothing is left to fold. */
function isNormal(node: FilterNode, parent?: string): boolean {
  switch (node.kind) {
    case 'and':
    case 'or':
      return (
        node.kind !== parent && node.children.length > 1 && node.children.every((child) => isNormal(child, node.kind))
      );
    case 'not':
      return node.child.kind === 'leaf' && isNormal(node.child, 'not');
    case 'leaf':
      return node.op !== 'in' || node.value.length > 1;
    default:
      return parent === undefined;
  }
}

const runs = { numRuns: 3000 };

describe('filters', () => {
  test('the tree, the folded tree and the normal form mean what was written', () => {
    let met = 0;
    fc.assert(
      fc.property(filter, document, (input, root) => {
        const expected = evaluateFilter(input, root);
        const normal = normalizeFilter(input);
        expect(isNormal(normal)).toBe(true);
        expect(holds(parseFilter(input), root)).toBe(expected);
        expect(holds(foldFilter(parseFilter(input)), root)).toBe(expected);
        expect(holds(normal, root)).toBe(expected);
        if (expected) met += 1;
      }),
      runs,
    );
    // A test in which nothing matched, or everything did, would show nothing.
    expect(met).toBeGreaterThan(runs.numRuns * 0.2);
    expect(met).toBeLessThan(runs.numRuns * 0.8);
  });

  test('a filter or its complement holds, never both', () => {
    fc.assert(
      fc.property(filter, document, (input, root) => {
        expect(evaluateFilter({ $not: input }, root)).toBe(!evaluateFilter(input, root));
        expect(evaluateFilter({ $or: [input, { $not: input }] }, root)).toBe(true);
        expect(evaluateFilter({ $and: [input, { $not: input }] }, root)).toBe(false);
      }),
      runs,
    );
  });

  test('De Morgan', () => {
    fc.assert(
      fc.property(filter, filter, document, (one, other, root) => {
        expect(evaluateFilter({ $not: { $and: [one, other] } }, root)).toBe(
          evaluateFilter({ $or: [{ $not: one }, { $not: other }] }, root),
        );
        expect(evaluateFilter({ $not: { $or: [one, other] } }, root)).toBe(
          evaluateFilter({ $and: [{ $not: one }, { $not: other }] }, root),
        );
      }),
      runs,
    );
  });

  test('whatever is sent is accepted or refused, and what is accepted is evaluated', () => {
    const hostile = fc.object({
      key: fc.oneof(key, fc.constantFrom('$and', '$or', '$not', '$eq', '$in', '$gt', '$where')),
      maxDepth: 4,
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
    });
    fc.assert(
      fc.property(fc.oneof(hostile, fc.anything()), document, (input, root) => {
        let refused: unknown;
        try {
          parseFilter(input);
        } catch (error) {
          refused = error;
        }
        if (refused === undefined) expect(typeof evaluateFilter(input as object, root)).toBe('boolean');
        else expect(refused).toMatchObject({ code: 'invalid_argument' });
      }),
      runs,
    );
  });
});
