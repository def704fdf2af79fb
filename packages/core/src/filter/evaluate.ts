// The reference that compiled filters are held to. It reads the filter as the user wrote it and shares nothing with
// the parser, the normal form or any compiler, so that a mistake there can't hide here.
import { compareCodePoints, sortKeyOf } from './sort.ts';

type Test = (value: unknown) => boolean;

/** Whether a document matches a valid filter. For many documents, `compileEvaluator` once. */
export function evaluateFilter(filter: object, document: unknown): boolean {
  return compileEvaluator(filter)(document);
}

/**
 * A function that tells whether a document matches. The filter must be valid (`parseFilter` accepts it) and is read
 * now: later changes to it have no effect. In a document a `Date` counts as its ISO text, and bytes as missing.
 */
export function compileEvaluator(filter: object): (document: unknown) => boolean {
  const tests: Test[] = Object.entries(filter).map(([name, operand]) => {
    if (name === '$and') return every((operand as readonly object[]).map(compileEvaluator));
    if (name === '$or') return some((operand as readonly object[]).map(compileEvaluator));
    if (name === '$not') return complement(compileEvaluator(operand));
    const keys = keysOf(name);
    const test = isOperators(operand) ? operatorsTest(operand) : operatorTest('$eq', operand);
    return (document) => test(valueAt(document, keys));
  });
  return every(tests);
}

/** The value at a path of own keys; `undefined` where there is none, where an array is on the way, and for bytes. */
export function valueAt(document: unknown, keys: readonly string[]): unknown {
  let value = document;
  for (const key of keys) {
    if (
      typeof value !== 'object' ||
      value === null ||
      Array.isArray(value) ||
      isBytes(value) ||
      !Object.hasOwn(value, key)
    )
      return undefined;
    value = (value as { readonly [key: string]: unknown })[key];
  }
  return isBytes(value) ? undefined : value;
}

function isBytes(value: unknown): boolean {
  return ArrayBuffer.isView(value) || Object.prototype.toString.call(value) === '[object ArrayBuffer]';
}

function isOperators(operand: unknown): operand is object {
  return typeof operand === 'object' && operand !== null && sortKeyOf(operand) === undefined;
}

function operatorsTest(operators: object): Test {
  return every(Object.entries(operators).map(([name, operand]) => operatorTest(name, operand)));
}

function operatorTest(name: string, operand: unknown): Test {
  switch (name) {
    case '$eq':
    case '$contains':
      return operand === null ? isAbsent : anyCandidate(equals(operand));
    case '$ne':
      return complement(operatorTest('$eq', operand));
    case '$in':
      return some((operand as readonly unknown[]).map((value) => operatorTest('$eq', value)));
    case '$nin':
      return complement(operatorTest('$in', operand));
    case '$exists':
      return operand === true ? complement(isAbsent) : isAbsent;
    case '$not':
      return complement(operatorsTest(operand as object));
    case '$gt':
      return anyCandidate(ordered(operand, (order) => order > 0));
    case '$gte':
      return anyCandidate(ordered(operand, (order) => order >= 0));
    case '$lt':
      return anyCandidate(ordered(operand, (order) => order < 0));
    case '$lte':
      return anyCandidate(ordered(operand, (order) => order <= 0));
    case '$startsWith':
      return anyCandidate((candidate) => typeof candidate === 'string' && candidate.startsWith(operand as string));
    default:
      return () => false;
  }
}

/** A scalar is its own candidate, an array has its scalar elements, one level deep; nothing else has any. */
function anyCandidate(test: Test): Test {
  const testOne: Test = (value) => {
    const candidate = sortKeyOf(value);
    return candidate !== undefined && test(candidate);
  };
  return (value) => (Array.isArray(value) ? value.some(testOne) : testOne(value));
}

function equals(operand: unknown): Test {
  const wanted = sortKeyOf(operand);
  return (candidate) => candidate === wanted;
}

function ordered(operand: unknown, holds: (order: number) => boolean): Test {
  const bound = sortKeyOf(operand);
  if (typeof bound === 'string')
    return (candidate) => typeof candidate === 'string' && holds(compareCodePoints(candidate, bound));
  if (typeof bound === 'number') return (candidate) => typeof candidate === 'number' && holds(candidate - bound);
  return () => false;
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

function every(tests: readonly Test[]): Test {
  const [only] = tests;
  return only && tests.length === 1 ? only : (value) => tests.every((test) => test(value));
}

function some(tests: readonly Test[]): Test {
  return (value) => tests.some((test) => test(value));
}

function complement(test: Test): Test {
  return (value) => !test(value);
}

/** Keys are parted by dots; a backslash makes the character after it part of the key. */
function keysOf(path: string): string[] {
  const keys: string[] = [];
  let key = '';
  for (let index = 0; index < path.length; index++) {
    const character = path.charAt(index);
    if (character === '.') {
      keys.push(key);
      key = '';
    } else key += character === '\\' ? path.charAt(++index) : character;
  }
  return [...keys, key];
}
