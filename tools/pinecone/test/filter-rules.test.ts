import { describe, expect, test } from '@jest/globals';
import { compileFilter, type FilterRules } from '../src/filter.ts';
import type { Metadata } from '../src/metadata.ts';

// What the documentation says in words, without an example.

const rules: FilterRules = { negationMatchesMissing: false, indexedFields: undefined };
const matches = (filter: object, metadata: Metadata | undefined) => compileFilter(filter, rules)(metadata);

describe('https://docs.pinecone.io/guides/assistant/file-metadata: $ne of a list', () => {
  test('a list that holds the value does not match', () => {
    expect(matches({ genre: { $ne: 'comedy' } }, { genre: ['comedy', 'documentary'] })).toBe(false);
    expect(matches({ genre: { $nin: ['comedy', 'action'] } }, { genre: ['comedy', 'documentary'] })).toBe(false);
  });
});

describe('https://docs.pinecone.io/guides/search/filter-by-metadata: the types of operands', () => {
  test.each([
    [{ year: { $gt: '2019' } }, 'number'],
    [{ year: { $lte: true } }, 'number'],
    [{ is_jeans: { $in: [true, false] } }, 'strings or numbers'],
    [{ genre: { $nin: 'drama' } }, 'strings or numbers'],
    [{ genre: { $exists: 'yes' } }, 'boolean'],
    [{ genre: { $eq: null } }, 'string, number, or boolean'],
    [{ genre: null }, 'illegal condition for field genre'],
    // What users have reported who left out the `$`.
    [{ Title: { eq: 'Cover Letter EN.pdf' } }, 'illegal condition for field Title, got {"eq":"Cover Letter EN.pdf"}'],
    [{ genre: { $regex: '.*' } }, 'illegal condition for field genre'],
    [{ genre: {} }, 'illegal condition for field genre'],
    [{}, 'at least one condition'],
  ])('refuses %j', (filter, message) => {
    expect(() => matches(filter, {})).toThrow(message);
  });

  test('booleans and numbers are compared as such', () => {
    expect(matches({ is_jeans: { $eq: true } }, { is_jeans: true })).toBe(true);
    expect(matches({ is_jeans: { $eq: 1 } }, { is_jeans: true })).toBe(false);
    expect(matches({ price: { $eq: '29.99' } }, { price: 29.99 })).toBe(false);
  });
});
