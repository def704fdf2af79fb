import { AssertionError } from 'node:assert';
import { inspect } from 'node:util';
import { isStorageError, type StorageError, type StorageErrorCode } from '@storage/core';

// Values may come from another realm (a test runner's sandbox), so nothing here asks for a prototype.

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** Whether two values are the same as data: JSON, dates and bytes; a member that is `undefined` is one that is missing. */
export function sameData(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const tag = tagOf(a);
  if (tag !== tagOf(b)) return false;
  if (tag === 'Date') return (a as Date).getTime() === (b as Date).getTime();
  if (ArrayBuffer.isView(a)) return Buffer.compare(viewBytes(a), viewBytes(b as ArrayBufferView)) === 0;
  if (Array.isArray(a)) {
    const other = b as readonly unknown[];
    return a.length === other.length && a.every((item, index) => sameData(item, other[index]));
  }
  const left = definedEntries(a);
  const right = new Map(definedEntries(b));
  return (
    left.length === right.size && left.every(([name, value]) => right.has(name) && sameData(value, right.get(name)))
  );
}

function viewBytes(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function definedEntries(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, member]) => member !== undefined);
}

function show(value: unknown): string {
  const text = inspect(value, { depth: 6, breakLength: 100, maxArrayLength: 30, maxStringLength: 300 });
  return text.length > 2000 ? `${text.slice(0, 2000)}…` : text;
}

/** Fails the test with this message. */
export function fail(message: string, actual?: unknown, expected?: unknown): never {
  throw new AssertionError({ message, actual, expected, operator: 'conformance', stackStartFn: fail });
}

/** Fails unless the condition holds. */
export function ok(condition: unknown, message: string): asserts condition {
  if (!condition) fail(message, condition, true);
}

/** Fails unless both are the same data. `what` names what is compared. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  if (!sameData(actual, expected)) fail(`${what}: expected ${show(expected)}, got ${show(actual)}`, actual, expected);
}

/** Fails unless both lists have the same strings, in any order. */
export function sameSet(actual: Iterable<string>, expected: Iterable<string>, what: string): void {
  equal([...actual].sort(), [...expected].sort(), what);
}

/** Fails if both are the same data. */
export function different(actual: unknown, other: unknown, what: string): void {
  if (sameData(actual, other)) fail(`${what}: expected something other than ${show(other)}`, actual, other);
}

/** Fails unless the number is within the bounds, both included. */
export function within(actual: number, low: number, high: number, what: string): void {
  if (!(actual >= low && actual <= high))
    fail(`${what}: expected ${low} to ${high}, got ${actual}`, actual, [low, high]);
}

/**
 * Fails unless the call fails with a `StorageError` of one of the codes; answers the error. A call that throws before it
 * answers a promise fails too, unless `synchronous` is given: every call of the contract that answers a promise rejects.
 */
export async function rejects(
  call: () => unknown,
  codes: StorageErrorCode | readonly StorageErrorCode[],
  what: string,
  synchronous = false,
): Promise<StorageError> {
  let pending: unknown;
  try {
    pending = call();
  } catch (error) {
    if (!synchronous) fail(`${what}: threw ${show(error)} instead of answering a promise that rejects`);
    return hasCode(error, codes, what);
  }
  try {
    const value = await pending;
    return fail(`${what}: expected an error ${codes}, got ${show(value)}`, value, codes);
  } catch (error) {
    if (isAssertion(error)) throw error;
    return hasCode(error, codes, what);
  }
}

function hasCode(error: unknown, codes: StorageErrorCode | readonly StorageErrorCode[], what: string): StorageError {
  const wanted = typeof codes === 'string' ? [codes] : codes;
  if (!isStorageError(error)) fail(`${what}: expected a StorageError ${codes}, got ${show(error)}`, error, codes);
  if (!wanted.includes(error.code))
    fail(`${what}: expected the code ${codes}, got ${error.code}: ${error.message}`, error.code, codes);
  return error;
}

/** Whether an error is a failed assertion of this kit, and no failure of another kind. */
export function isAssertion(error: unknown): boolean {
  return typeof error === 'object' && error !== null && (error as { code?: unknown }).code === 'ERR_ASSERTION';
}
