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
  if (text.includes('\\u')) checkText(JSON.parse(text), what);
  return text;
}

function refuse(path: string, found: string, mend: string): never {
  throw invalidArgument(`${path} is ${found}; ${mend}.`, { path });
}

/** `converted`: what `toJSON` answered; like JSON.stringify, its own `toJSON` is not asked again. */
function check(value: unknown, path: string, depth: number, converted = false): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (!Number.isFinite(value)) refuse(path, String(value), 'JSON has finite numbers only, store null or text');
      return;
    case 'object':
      if (value === null) return;
      checkObject(value, path, depth, converted);
      return;
    case 'undefined':
      refuse(path, 'undefined', 'store null, or leave the member out');
      break;
    default:
      refuse(path, `a ${typeof value}`, 'store JSON values or bytes');
  }
}

function checkObject(value: object, path: string, depth: number, converted: boolean): void {
  const list = Array.isArray(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  // Told by the tag, because a prototype of another realm is not ours.
  const tag = list || prototype === Object.prototype || prototype === null ? 'Object' : tagOf(value);
  // Bytes and invalid dates come first: their own toJSON would hide what they are.
  if (ArrayBuffer.isView(value)) refuse(path, `a ${tag} inside JSON`, 'store bytes alone, numbers as an array');
  if (tag === 'Date') {
    if (Number.isNaN(Number(value))) refuse(path, 'an invalid Date', 'store a valid one or null');
    return;
  }
  const { toJSON } = value as { toJSON?: unknown };
  if (!converted && typeof toJSON === 'function') {
    check(toJSON.call(value, ''), path, depth, true);
    return;
  }
  if (tag !== 'Object') refuse(path, `a ${tag}`, 'convert it to plain objects, arrays and scalars');
  if (depth >= maxValueDepth)
    refuse(path, `nested deeper than ${maxValueDepth} levels, or a cycle`, 'flatten it or store it as text');
  if (list) {
    for (let i = 0; i < value.length; i++) check(value[i], `${path}[${i}]`, depth + 1);
    return;
  }
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined || typeof member === 'string' || typeof member === 'boolean') continue;
    if (Object.hasOwn(value, key)) check(member, `${path}.${key}`, depth + 1);
  }
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** The slow look at every string and key of a parsed text that has an escape which might be a forbidden one. */
function checkText(value: unknown, path: string): void {
  if (typeof value === 'string') {
    if (value.includes('\0')) refuse(path, 'text with U+0000', 'remove it, or store bytes');
    if (!value.isWellFormed()) refuse(path, 'text with a lone surrogate', 'store well-formed Unicode, or bytes');
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      checkText(key, `${path} key ${JSON.stringify(key)}`);
      checkText(member, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
    }
  }
}

/** Whether a value is bytes: a `Uint8Array` (a Buffer is one), of any realm. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && tagOf(value) === 'Uint8Array';
}

/** Whether a value is a stream of chunks. */
export function isByteStream(value: unknown): value is AsyncIterable<Uint8Array> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
