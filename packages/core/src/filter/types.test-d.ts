import type { JsonObject, JsonValue } from '../json.ts';
import type { FieldCondition, Filter, RecordFilter, UntypedFilter, WhereFilter } from './types.ts';

interface Address {
  city: string;
  geo: { lat: number; lon: number; source: { name: string; at: { year: number } } };
}

interface Person {
  name: string;
  age?: number;
  nick: string | null;
  admin: boolean;
  born: Date;
  role: 'reader' | 'writer';
  tags: readonly string[];
  scores: number[];
  seen: Date[];
  address?: Address;
  friends: { name: string }[];
  'a.b': number;
  'c\\d': string;
  $cost: number;
  extra: JsonValue;
  bag: Record<string, number>;
  open: Record<string, { n: number }>;
  anything: unknown;
  blob: Uint8Array;
  id: string | number;
  pair: [string, number];
  greet(): void;
}

type PersonFilter = Filter<Person>;

export const good: PersonFilter[] = [
  {},
  { name: 'Ada' },
  { name: null },
  { name: { $startsWith: 'A', $gt: 'A' } },
  { age: { $gte: 18, $lt: 65 } },
  { age: { $exists: false } },
  { nick: null },
  { admin: true },
  { admin: { $ne: false } },
  { born: { $gt: new Date(0), $lt: '2000-01-01' } },
  { born: new Date(0) },
  { role: 'reader' },
  { role: { $in: ['reader', 'writer', null], $startsWith: 'r' } },
  { tags: 'x' },
  { tags: { $contains: 'x', $nin: ['y'], $startsWith: 'z' } },
  { scores: { $gt: 5, $not: { $gt: 10 } } },
  { seen: { $gt: new Date(0) } },
  { address: { $exists: true } },
  { address: null },
  { 'address.city': 'London' },
  { 'address.geo.lat': { $gt: 1 } },
  { 'address.geo.source.name': 'gps' },
  { friends: { $exists: true } },
  { 'a\\.b': 1 },
  { 'c\\\\d': 'x' },
  { '\\$cost': { $lt: 5 } },
  { extra: 5, 'extra.any.path.at.all.below': { $startsWith: 'x' } },
  { 'bag.k': { $gt: 1 } },
  { 'open.k.n': 1, 'open.k': { $exists: true } },
  { anything: 'x', 'anything.below': 1 },
  { blob: { $exists: true } },
  { id: 'x' },
  { id: { $in: ['x', 1] } },
  { pair: { $in: ['x', 1] } },
  { $and: [{ name: 'Ada' }, { $or: [{ age: 1 }, { $not: { admin: true } }] }] },
];

export const bad: PersonFilter[] = [
  // @ts-expect-error no such path
  { nam: 'Ada' },
  // @ts-expect-error no such path below
  { 'address.town': 'x' },
  // @ts-expect-error a path never crosses an array
  { 'friends.name': 'x' },
  // @ts-expect-error no index into an array
  { 'tags.0': 'x' },
  // @ts-expect-error deeper than four segments
  { 'address.geo.source.at.year': 1 },
  // @ts-expect-error a scalar has nothing below
  { 'name.length': 1 },
  // @ts-expect-error a Date has nothing below
  { 'born.getTime': 1 },
  // @ts-expect-error an unescaped dot
  { 'a.b': 1 },
  // @ts-expect-error not a member that is stored
  { greet: { $exists: true } },
  // @ts-expect-error a scalar of another type
  { name: 1 },
  // @ts-expect-error a scalar of another type
  { name: { $eq: 1 } },
  // @ts-expect-error a scalar of another type in a list
  { age: { $in: ['1'] } },
  // @ts-expect-error not one of the literals
  { role: 'owner' },
  // @ts-expect-error booleans have no order
  { admin: { $gt: false } },
  // @ts-expect-error numbers have no prefix
  { age: { $startsWith: '1' } },
  // @ts-expect-error a range of another type
  { age: { $gt: '1' } },
  // @ts-expect-error no such operator
  { age: { $regex: '1' } },
  // @ts-expect-error an element of another type
  { tags: { $contains: 1 } },
  // @ts-expect-error an array is no operand
  { tags: ['x'] },
  // @ts-expect-error an object is no operand
  { address: { city: 'x' } },
  // @ts-expect-error a member of the record has scalars of its own
  { 'bag.k': { $startsWith: 'x' } },
  // @ts-expect-error wrong within $not of a field
  { age: { $not: { $gt: 'x' } } },
  // @ts-expect-error wrong within $and
  { $and: [{ nam: 'Ada' }] },
  // @ts-expect-error $not takes one filter
  { $not: [{ name: 'Ada' }] },
  // @ts-expect-error undefined is no operand
  { name: { $eq: undefined } },
];

type Shape = { kind: 'circle'; radius: number } | { kind: 'square'; side: number; label?: string };
export const shapes: Filter<Shape>[] = [
  { kind: 'circle' },
  { kind: { $in: ['circle'] } },
  { radius: { $gt: 1 } },
  { label: { $startsWith: 'x' } },
];
// @ts-expect-error in no member of the union
export const noShape: Filter<Shape> = { height: 1 };

interface Tree {
  value: number;
  left?: Tree;
  right?: Tree;
  children: Tree[];
}
export const tree: Filter<Tree> = { 'left.right.left.value': { $gt: 1 } };
// @ts-expect-error deeper than four segments
export const deepTree: Filter<Tree> = { 'left.right.left.right.value': 1 };

export const untyped: Filter[] = [
  {},
  { a: 1 },
  { 'a.b.c.d.e.f': { $gt: 1 } },
  { $and: [{ a: true }], $not: { b: null } },
  { when: new Date(0) },
];
export const unknowns: [
  Filter<unknown>,
  Filter<JsonValue>,
  Filter<JsonObject>,
  Filter<Record<string, JsonValue>>,
  Filter<object>,
] = [{ a: 1 }, { a: 1 }, { a: { $in: [1, 'x', true, null] } }, { 'a.b': { $startsWith: 'x' } }, { a: 1 }];

export const record: RecordFilter[] = [
  { key: { $startsWith: 'user:' } },
  { 'data.a.b.c.d.e': 1 },
  { data: 1 },
  { 'metadata.tags': 'x' },
  { createdAt: { $gt: new Date(0) }, updatedAt: '2020-01-01T00:00:00.000Z' },
  { $or: [{ 'data.a': 1 }, { key: 'x' }] },
];
// @ts-expect-error a path of a record starts at the record
export const noRoot: RecordFilter = { age: 1 };
// @ts-expect-error a key is text
export const numberKey: RecordFilter = { key: 1 };

export const typedRecord: RecordFilter<Person>[] = [
  { 'data.name': 'Ada', 'metadata.any': 1 },
  { 'data.address.geo.source.name': 'x' },
  { 'data.a\\.b': 1 },
  { 'data.$cost': 1 },
];
// @ts-expect-error no such path in the data
export const noPath: RecordFilter<Person> = { 'data.nam': 'Ada' };
// @ts-expect-error an operator that the field can't have
export const noOperator: RecordFilter<Person> = { 'data.admin': { $gt: true } };

/** A typed filter is an untyped one, and what `where` makes fits everywhere. */
export const widen = (typed: PersonFilter): UntypedFilter => typed;
export const widenRecord = (typed: RecordFilter<Person>): UntypedFilter => typed;
export const fits = (made: WhereFilter): [PersonFilter, UntypedFilter, RecordFilter] => [
  { $and: [made, { name: 'Ada' }] },
  made,
  made,
];

export const condition: FieldCondition<number> = { $gt: 1 };
