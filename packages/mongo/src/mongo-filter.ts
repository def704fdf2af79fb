import { type CompiledFilter, compileFilter, prefixEnd, timeRanges } from '@storage/backend-kit';
import type { FilterLeaf, FilterNode } from '@storage/core/filter';
import { idOf, type RecordFilter } from './mongo-documents.ts';
import { shadowPath } from './mongo-shadow.ts';

/** A filter as the server runs it, in a namespace: the key is a part of the id. */
export type MongoFilter = (ns: string) => RecordFilter;

/** True of no document: every one has an id. */
const never: RecordFilter = { _id: { $in: [] } };
const operators = { gt: '$gt', gte: '$gte', lt: '$lt', lte: '$lte' } as const;

function anyOf(conditions: readonly RecordFilter[]): RecordFilter {
  const [first, ...others] = conditions;
  if (first === undefined) return never;
  return others.length === 0 ? first : { $or: [...conditions] };
}

/** A condition on a path of the shadow. The server compares within one type and looks into arrays one level deep, as the portable filter does. */
function onShadow(path: string, leaf: FilterLeaf): RecordFilter {
  switch (leaf.op) {
    case 'eq':
      return { [path]: { $eq: leaf.value } };
    case 'in':
      return { [path]: { $in: [...leaf.value] } };
    case 'exists':
      return { [path]: { $exists: true } };
    case 'startsWith': {
      // A range and no regular expression: nothing in the operand is syntax, and an index serves it.
      const end = prefixEnd(leaf.value);
      if (end === undefined) return { [path]: { $gte: leaf.value } };
      const range = { $gte: leaf.value, $lt: end };
      // Of an array one element has to be within, not one above and another below.
      return anyOf([{ [path]: { ...range, $not: { $type: 'array' } } }, { [path]: { $elemMatch: range } }]);
    }
    default:
      return { [path]: { [operators[leaf.op]]: leaf.value } };
  }
}

/** A condition on the key, which is the end of the id. */
function onKey(ns: string, leaf: FilterLeaf): RecordFilter {
  if (leaf.op === 'exists') return { _id: { $exists: true } };
  if (leaf.op === 'in') {
    return { _id: { $in: leaf.value.flatMap((value) => (typeof value === 'string' ? [idOf(ns, value)] : [])) } };
  }
  if (typeof leaf.value !== 'string') return never;
  const id = idOf(ns, leaf.value);
  switch (leaf.op) {
    case 'eq':
      return { _id: { $eq: id } };
    case 'startsWith': {
      const end = prefixEnd(id);
      return { _id: { $gte: id, ...(end !== undefined && { $lt: end }) } };
    }
    default:
      return { _id: { [operators[leaf.op]]: id } };
  }
}

function onTime(field: string, leaf: FilterLeaf): RecordFilter {
  return anyOf(timeRanges(leaf).map(({ from, to }) => ({ [field]: { $gte: new Date(from), $lte: new Date(to) } })));
}

function compileLeaf(leaf: FilterLeaf): MongoFilter {
  const [root, ...below] = leaf.path;
  if (root === 'data' || root === 'metadata') {
    const filter = onShadow(shadowPath(leaf.path), leaf);
    return () => filter;
  }
  if (below.length > 0) return () => never;
  if (root === 'key') return (ns) => onKey(ns, leaf);
  const filter = root === 'createdAt' || root === 'updatedAt' ? onTime(root, leaf) : never;
  return () => filter;
}

/** The portable filter as a native one, which holds for exactly the documents that match. */
export function compileMongoFilter(filter: FilterNode): CompiledFilter<MongoFilter> {
  return compileFilter<MongoFilter>(filter, {
    backend: 'mongo',
    leaf: (leaf, negated) => {
      const plain = compileLeaf(leaf);
      return { precision: 'exact', fragment: negated ? (ns) => ({ $nor: [plain(ns)] }) : plain };
    },
    and: (children) => (ns) => ({ $and: children.map((child) => child(ns)) }),
    or: (children) => (ns) => ({ $or: children.map((child) => child(ns)) }),
    postFilter: false,
  });
}
