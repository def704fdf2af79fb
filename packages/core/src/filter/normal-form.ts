import type { FilterLeaf, FilterNode, FilterScalar } from './node.ts';

const yes: FilterNode = { kind: 'true' };
const no: FilterNode = { kind: 'false' };

/** `and`/`or` of folded nodes: nested ones of the same kind spliced in, constants absorbed, one child alone is itself. */
function combine(kind: 'and' | 'or', nodes: readonly FilterNode[]): FilterNode {
  const neutral = kind === 'and' ? 'true' : 'false';
  const children: FilterNode[] = [];
  for (const node of nodes) {
    if (node.kind === kind) children.push(...node.children);
    else if (node.kind === 'true' || node.kind === 'false') {
      if (node.kind !== neutral) return node;
    } else children.push(node);
  }
  const [first] = children;
  if (first === undefined) return kind === 'and' ? yes : no;
  return children.length === 1 ? first : { kind, children };
}

function negate(node: FilterNode): FilterNode {
  if (node.kind === 'true') return no;
  if (node.kind === 'false') return yes;
  return node.kind === 'not' ? node.child : { kind: 'not', child: node };
}

/** An `in` of no value is false, of one is `eq`. */
function foldLeaf(leaf: FilterLeaf): FilterNode {
  if (leaf.op !== 'in' || leaf.value.length > 1) return leaf;
  const [value] = leaf.value;
  return value === undefined ? no : { kind: 'leaf', path: leaf.path, op: 'eq', value };
}

/** The same filter without constants inside, empty or single `and`/`or`/`in`, nesting of one kind, and double `not`. */
export function foldFilter(node: FilterNode): FilterNode {
  switch (node.kind) {
    case 'and':
    case 'or':
      return combine(node.kind, node.children.map(foldFilter));
    case 'not':
      return negate(foldFilter(node.child));
    case 'leaf':
      return foldLeaf(node);
    default:
      return node;
  }
}

/** The same filter, folded, with `not` on leaves only: a superset of every leaf is then a superset of the whole. */
export function toNegationNormalForm(node: FilterNode): FilterNode {
  return push(node, false);
}

function push(node: FilterNode, negated: boolean): FilterNode {
  switch (node.kind) {
    case 'and':
    case 'or':
      return combine(
        (node.kind === 'and') === negated ? 'or' : 'and',
        node.children.map((child) => push(child, negated)),
      );
    case 'not':
      return push(node.child, !negated);
    default: {
      const folded = node.kind === 'leaf' ? foldLeaf(node) : node;
      return negated ? negate(folded) : folded;
    }
  }
}

/**
 * One text for filters that differ only in the order of members, lists and values, or in repetition. Meant for normal
 * forms, to tell whether two are the same question.
 */
export function filterToJson(node: FilterNode): string {
  switch (node.kind) {
    case 'and':
    case 'or':
      return `["${node.kind}",${distinct(node.children.map(filterToJson))}]`;
    case 'not':
      return `["not",${filterToJson(node.child)}]`;
    case 'leaf': {
      const value = node.op === 'in' ? `[${distinct(node.value.map(scalarText))}]` : scalarText(node.value);
      return `["${node.op}",${JSON.stringify(node.path)},${value}]`;
    }
    default:
      return `["${node.kind}"]`;
  }
}

function scalarText(value: FilterScalar): string {
  return JSON.stringify(value);
}

function distinct(texts: readonly string[]): string {
  return [...new Set(texts)].sort().join();
}
