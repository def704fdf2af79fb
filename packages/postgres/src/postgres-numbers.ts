import type { WriteRow } from '@storage/backend-kit';
import { StorageError } from '@storage/core';

/** What is smaller can't grow beyond what is readable. */
const harmlessBytes = 1024 * 1024;
/** The most that a value may have as the server writes it. */
const mostWritten = 256 * 1024 * 1024;

/**
 * Refuses JSON that could be stored and not be read again: the server writes 1e308 with all its 309 digits, and a value of many such
 * numbers grows beyond what an answer holds.
 */
export function assertReadable({ key, content, size }: WriteRow): void {
  if (size <= harmlessBytes || typeof content !== 'string') return;
  let written = size;
  for (const part of outsideTexts(content))
    for (const [, exponent] of part.matchAll(/e([+-]\d+)/g)) written += Math.abs(Number(exponent));
  if (written <= mostWritten) return;
  throw new StorageError({
    code: 'too_large',
    message: `PostgreSQL writes the numbers of this value with all their digits, ${written} bytes in all; at most ${mostWritten} can be read again. Split it, or store it as bytes.`,
    key,
    applied: 'no',
    details: { limit: mostWritten, actual: written },
  });
}

/** What of JSON stands outside of its texts and keys. */
function* outsideTexts(json: string): Generator<string, void, undefined> {
  for (let at = 0; at < json.length; ) {
    const open = json.indexOf('"', at);
    if (open < 0) return yield json.slice(at);
    yield json.slice(at, open);
    let close = json.indexOf('"', open + 1);
    while (isEscaped(json, close)) close = json.indexOf('"', close + 1);
    at = close + 1;
  }
}

/** Whether an odd number of backslashes stands before a place. */
function isEscaped(json: string, place: number): boolean {
  let start = place;
  while (json[start - 1] === '\\') start--;
  return (place - start) % 2 === 1;
}
