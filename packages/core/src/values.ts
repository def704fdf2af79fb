import { invalidArgument } from './errors.ts';

/** How deep JSON may be nested: a scalar has depth 0. */
export const maxValueDepth = 64;

/**
 * JSON text of a value, as it is stored. Dates become ISO text, undefined members vanish, an object's own `toJSON` is honoured.
 * Refused with `invalid_argument` and the path: functions, symbols, bigints, NaN, infinities, cycles, bytes, maps, sets, nesting over 64, U+0000, lone surrogates.
 * `what` names the value in messages and paths: `data`, `metadata`.
 */
export function encodeJson(value: unknown, what: string): string {
  check(value, what, 0);
  const text = JSON.stringify(value);
  // U+0000 and lone surrogates are escaped by JSON.stringify, so a text without an escape needs no second look.
  if (text.includes('\\u')) checkText(value, what);
  return text;
}

function refuse(path: string, found: string, mend: string): never {
  throw invalidArgument(`${path} is ${found}; ${mend}.`, { path });
}

function check(value: unknown, path: string, depth: number): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (!Number.isFinite(value)) refuse(path, String(value), 'JSON has finite numbers only, store null or text');
      return;
    case 'object':
      if (value === null) return;
      return checkObject(value, path, depth);
    case 'undefined':
      return refuse(path, 'undefined', 'store null, or leave the member out');
    default:
      refuse(path, `a ${typeof value}`, 'store JSON values or bytes');
  }
}

function checkObject(value: object, path: string, depth: number): void {
  if (depth >= maxValueDepth)
    refuse(path, `nested deeper than ${maxValueDepth} levels, or a cycle`, 'flatten it or store it as text');
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) check(value[i], `${path}[${i}]`, depth + 1);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  const foreign =
    (prototype !== Object.prototype && prototype !== null) ||
    typeof (value as { toJSON?: unknown }).toJSON === 'function';
  if (foreign && checkForeign(value, path, depth)) return;
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined || typeof member === 'string' || typeof member === 'boolean') continue;
    if (Object.hasOwn(value, key)) check(member, `${path}.${key}`, depth + 1);
  }
}

/** Objects of another prototype, told by their tag because a prototype of another realm is not ours. True: checked whole. */
function checkForeign(value: object, path: string, depth: number): boolean {
  if (ArrayBuffer.isView(value))
    refuse(path, 'bytes inside JSON', 'store bytes as a record of their own, or as base64 text');
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (tag === 'Date') {
    if (Number.isNaN((value as Date).getTime())) refuse(path, 'an invalid Date', 'store a valid one or null');
    return true;
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') {
    check((value as { toJSON(key: string): unknown }).toJSON(''), path, depth + 1);
    return true;
  }
  if (tag !== 'Object') refuse(path, `a ${tag}`, 'convert it to plain objects, arrays and scalars');
  return false;
}

/** The slow look at every string and key, for a text that has an escape which might be a forbidden one. */
function checkText(value: unknown, path: string): void {
  if (typeof value === 'string') {
    if (value.includes('\0')) refuse(path, 'text with U+0000', 'remove it, or store bytes');
    if (!value.isWellFormed()) refuse(path, 'text with a lone surrogate', 'store well-formed Unicode, or bytes');
  } else if (typeof value === 'object' && value !== null) {
    const plain: unknown =
      typeof (value as { toJSON?: unknown }).toJSON === 'function' ? (value as { toJSON(): unknown }).toJSON() : value;
    if (plain !== value) return checkText(plain, path);
    for (const [key, member] of Object.entries(value)) {
      checkText(key, `${path} key ${JSON.stringify(key)}`);
      checkText(member, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
    }
  }
}

/** Whether a value is bytes: a `Uint8Array` (a Buffer is one), of any realm. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]';
}

/** Whether a value is a stream of chunks. */
export function isByteStream(value: unknown): value is AsyncIterable<Uint8Array> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
