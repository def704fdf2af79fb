import { describe, expect, test } from '@jest/globals';
import { compileFilter, type FilterRules } from '../src/filter.ts';
import type { Metadata } from '../src/metadata.ts';

// Every case is an example of the vendor's documentation, with its page. Nothing here was made up.

const rules: FilterRules = { negationMatchesMissing: false, indexedFields: undefined };
const matches = (filter: object, metadata: Metadata | undefined) => compileFilter(filter, rules)(metadata);

describe('https://docs.pinecone.io/guides/search/filter-by-metadata: the example of each operator', () => {
  // The table gives the filter of each; the values are those the same page and its neighbour (see below) use.
  const cases: readonly (readonly [filter: object, match: Metadata, other: Metadata])[] = [
    [{ genre: { $eq: 'documentary' } }, { genre: 'documentary' }, { genre: 'drama' }],
    [{ genre: { $ne: 'drama' } }, { genre: 'documentary' }, { genre: 'drama' }],
    [{ year: { $gt: 2019 } }, { year: 2020 }, { year: 2019 }],
    [{ year: { $gte: 2020 } }, { year: 2020 }, { year: 2019 }],
    [{ year: { $lt: 2020 } }, { year: 2019 }, { year: 2020 }],
    [{ year: { $lte: 2020 } }, { year: 2020 }, { year: 2021 }],
    [{ genre: { $in: ['comedy', 'documentary'] } }, { genre: 'comedy' }, { genre: 'drama' }],
    [{ genre: { $nin: ['comedy', 'documentary'] } }, { genre: 'drama' }, { genre: 'comedy' }],
    [{ genre: { $exists: true } }, { genre: 'drama' }, { year: 2020 }],
    [
      { $and: [{ genre: { $eq: 'drama' } }, { year: { $gte: 2020 } }] },
      { genre: 'drama', year: 2020 },
      { genre: 'drama', year: 2019 },
    ],
    [
      { $or: [{ genre: { $eq: 'drama' } }, { year: { $gte: 2020 } }] },
      { genre: 'comedy', year: 2020 },
      { genre: 'comedy', year: 2019 },
    ],
  ];

  test.each(cases)('%j', (filter, match, other) => {
    expect(matches(filter, match)).toBe(true);
    expect(matches(filter, other)).toBe(false);
  });

  test('a filter of a field and its value', () => {
    expect(matches({ category: 'digestive system' }, { category: 'digestive system' })).toBe(true);
  });

  test('only $and and $or are allowed at the top level', () => {
    expect(() => matches({ $gt: 2019 }, { year: 2020 })).toThrow('only $and and $or are allowed at the top level');
  });

  test('an $in and a $nin of 10,000 values pass, of more they fail', () => {
    for (const operator of ['$in', '$nin']) {
      const values = Array.from({ length: 10_000 }, (_, index) => index);
      expect(() => matches({ n: { [operator]: values } }, {})).not.toThrow();
      expect(() => matches({ n: { [operator]: [...values, 10_000] } }, {})).toThrow('10000');
    }
  });
});

describe('https://docs.pinecone.io/guides/search/filter-by-metadata: a list of strings takes on each of its values', () => {
  const metadata: Metadata = { genre: ['comedy', 'documentary'] };

  test.each([
    { genre: 'comedy' },
    { genre: { $in: ['documentary', 'action'] } },
    { $and: [{ genre: 'comedy' }, { genre: 'documentary' }] },
  ])('matches %j', (filter) => {
    expect(matches(filter, metadata)).toBe(true);
  });

  test('does not match {"$and": [{"genre": "comedy"}, {"genre": "drama"}]}', () => {
    expect(matches({ $and: [{ genre: 'comedy' }, { genre: 'drama' }] }, metadata)).toBe(false);
  });

  test.each([{ genre: ['comedy', 'documentary'] }, { genre: { $eq: ['comedy', 'documentary'] } }])(
    'refuses %j',
    (filter) => {
      expect(() => matches(filter, metadata)).toThrow();
    },
  );
});

describe('https://docs.pinecone.io/guides/data/understanding-metadata: the example of a query', () => {
  // The filter of the published API's `QueryRequest`, over the genres and years of the page.
  const filter = { genre: { $in: ['comedy', 'documentary', 'drama'] }, year: { $eq: 2019 } };

  test('conditions of several fields all hold', () => {
    expect(matches(filter, { genre: 'comedy', year: 2019 })).toBe(true);
    expect(matches(filter, { genre: 'action', year: 2019 })).toBe(false);
    expect(matches(filter, { genre: 'drama', year: 2020 })).toBe(false);
  });
});

describe('https://github.com/pinecone-io/pinecone-ts-client/blob/main/guides/data-operations/metadata-filtering.md', () => {
  test('a range is two conditions of one field', () => {
    const filter = { year: { $gte: 2000, $lte: 2010 } };
    expect([1999, 2000, 2010, 2011].map((year) => matches(filter, { year }))).toEqual([false, true, true, false]);
  });
});

describe('https://github.com/pinecone-io/pinecone-python-client tests/integration/data/test_query.py', () => {
  // Measured by the vendor's own tests, against records with these metadata and some without any.
  const records: readonly (readonly [id: string, metadata: Metadata | undefined])[] = [
    ['1', undefined],
    ['4', { genre: 'action', runtime: 120 }],
    ['5', { genre: 'comedy', runtime: 90 }],
    ['6', { genre: 'romance', runtime: 240 }],
  ];
  const found = (filter: object) => records.filter(([, metadata]) => matches(filter, metadata)).map(([id]) => id);

  test.each([
    [{ genre: 'action' }, ['4']],
    [{ runtime: { $gt: 100 } }, ['4', '6']],
    [{ runtime: { $gte: 90 } }, ['4', '5', '6']],
    [{ runtime: { $lt: 100 } }, ['5']],
    [{ runtime: { $lte: 120 } }, ['4', '5']],
    [{ genre: { $in: ['romance'] } }, ['6']],
    [{ genre: { $eq: 'action' } }, ['4']],
    // The two that these tests expect, and skip because the server of their day answered otherwise.
    [{ genre: { $nin: ['romance'] } }, ['4', '5']],
    [{ genre: { $ne: 'action' } }, ['5', '6']],
  ])('%j', (filter, ids) => {
    expect(found(filter)).toEqual(ids);
  });
});

describe('https://github.com/deepset-ai/haystack-core-integrations/issues/590: records without the field', () => {
  test('$ne answers only records that have the field, unless the stand-in is told otherwise', () => {
    const filter = { number: { $ne: 100 } };
    expect(matches(filter, { name: 'name_0' })).toBe(false);
    expect(compileFilter(filter, { ...rules, negationMatchesMissing: true })({ name: 'name_0' })).toBe(true);
  });
});
