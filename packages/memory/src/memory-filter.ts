import { compareCodePoints, type FilterLeaf, type FilterNode, type FilterScalar } from '@storage/core/filter';
import { valueAt } from './record-document.ts';

/** A filter as this backend runs it. */
export type Predicate = (document: unknown) => boolean;

function order(a: string | number, b: string | number): number {
  return typeof a === 'string' ? compareCodePoints(a, b as string) : a - (b as number);
}

function scalarTest(leaf: FilterLeaf): (candidate: unknown) => boolean {
  switch (leaf.op) {
    case 'eq':
      return (candidate) => candidate === leaf.value;
    case 'in': {
      const values = new Set<unknown>(leaf.value satisfies readonly FilterScalar[]);
      return (candidate) => values.has(candidate);
    }
    case 'startsWith':
      return (candidate) => typeof candidate === 'string' && candidate.startsWith(leaf.value);
    case 'exists':
      return (candidate) => candidate !== undefined && candidate !== null;
    default: {
      const { op, value } = leaf;
      const kind = typeof value;
      return (candidate) => {
        if (typeof candidate !== kind) return false;
        const sign = order(candidate as string | number, value);
        if (op === 'gt') return sign > 0;
        if (op === 'gte') return sign >= 0;
        return op === 'lt' ? sign < 0 : sign <= 0;
      };
    }
  }
}

/** A predicate over the parsed document for a filter in normal form. */
export function compilePredicate(node: FilterNode): Predicate {
  switch (node.kind) {
    case 'true':
      return () => true;
    case 'false':
      return () => false;
    case 'not': {
      const child = compilePredicate(node.child);
      return (document) => !child(document);
    }
    case 'and': {
      const children = node.children.map(compilePredicate);
      return (document) => children.every((child) => child(document));
    }
    case 'or': {
      const children = node.children.map(compilePredicate);
      return (document) => children.some((child) => child(document));
    }
    default: {
      const test = scalarTest(node);
      const { path, op } = node;
      return (document) => {
        const value = valueAt(document, path);
        if (!Array.isArray(value)) return test(value);
        return op === 'exists' ? value.length > 0 : value.some(test);
      };
    }
  }
}
