import { assertText, invalidArgument, type JsonObject, maxKeyBytes, StorageError, utf8Length } from '@storage/core';
import { encodeDocument, type JsonDocument } from './json-document.ts';

/** The largest page of any list. */
export const maxPageSize = 1000;
/** The size of a page when the caller does not say. */
export const defaultPageSize = 100;
/** The longest path of an artifact, in UTF-8 bytes. */
export const maxPathBytes = 4096;

/** A name or id: non-empty text of at most `limit` UTF-8 bytes. */
export function checkName(value: unknown, what: string, limit: number = maxKeyBytes): string {
  assertText(value, what);
  if (value.length === 0) throw invalidArgument(`${what} is empty; give it a value.`, { path: what });
  if (value.length * 3 > limit) {
    const actual = utf8Length(value);
    if (actual > limit) {
      throw new StorageError({
        code: 'too_large',
        message: `${what} has ${actual} bytes of UTF-8; at most ${limit} are allowed.`,
        details: { path: what, limit, actual },
      });
    }
  }
  return value;
}

/** A name that may be missing. */
export function checkOptionalName(value: unknown, what: string): string | undefined {
  return value === undefined ? undefined : checkName(value, what);
}

/** One of a closed list of words. */
export function checkOneOf<T extends string>(value: unknown, allowed: readonly T[], what: string): T {
  const found = allowed.find((word) => word === value);
  if (found === undefined) throw invalidArgument(`${what} must be one of ${allowed.join(', ')}.`, { path: what });
  return found;
}

/** An object of JSON; `{}` when it is missing. */
export function checkObject(value: unknown, what: string): JsonDocument<JsonObject> {
  if (value === undefined) return encodeDocument({}, what);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgument(`${what} must be a JSON object.`, { path: what });
  }
  return encodeDocument(value, what);
}

/** A whole number from `least` to `most`. */
export function checkInteger(
  value: unknown,
  what: string,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) {
    throw invalidArgument(`${what} must be a whole number from ${least} to ${most}.`, { path: what });
  }
  return value;
}

/** The size of a page: 1 to 1,000, 100 when it is missing. */
export function checkLimit(value: unknown): number {
  return value === undefined ? defaultPageSize : checkInteger(value, 'limit', 1, maxPageSize);
}

/** A moment, as milliseconds since 1970. */
export function checkTime(value: Date, what: string): number {
  const time = Object.prototype.toString.call(value) === '[object Date]' ? value.getTime() : Number.NaN;
  if (Number.isNaN(time)) throw invalidArgument(`${what} must be a valid Date.`, { path: what });
  return time;
}
