import { equal } from '../assert.ts';
import { queries } from '../needs.ts';
import type { AddTest } from '../suite.ts';
import { everyShape, expectMatches, shapes, without } from './filter-documents.ts';

/** What each operator means. */
export function operatorTests(test: AddTest): void {
  test(
    'equality-is-strict',
    '$eq tells 1 from "1" and true, meets elements of an array, and never an object',
    queries,
    async (t) => {
      await expectMatches(t, shapes, [
        [{ 'data.a': 1 }, 'one listed'],
        [{ 'data.a': { $eq: '1' } }, 'text mixed'],
        [{ 'data.a': true }, 'true mixed'],
        [{ 'data.a': false }, 'false'],
        [{ 'data.a': 0 }, 'zero'],
        [{ 'data.a': -0 }, 'zero'],
        [{ 'data.a': '' }, 'blank'],
        [{ 'data.a': '[1]' }, ''],
        [{ 'data.a': { $contains: 1 } }, 'one listed'],
        [{ 'data.a': { $contains: '1' } }, 'text mixed'],
      ]);
    },
  );

  test(
    'complements-match-missing',
    '$ne, $nin and $not are complements: they match where the field is missing',
    queries,
    async (t) => {
      await expectMatches(t, shapes, [
        [{ 'data.a': { $ne: 1 } }, without('one', 'listed')],
        [{ 'data.a': { $nin: [1, '1'] } }, without('one', 'listed', 'text', 'mixed')],
        [{ 'data.a': { $not: { $gt: 0 } } }, without('one', 'float', 'listed')],
        [{ $not: { 'data.a': true } }, without('true', 'mixed')],
        [{ 'data.a': { $not: { $not: { $eq: 1 } } } }, 'one listed'],
        [{ $not: { $not: { 'data.b': { $ne: 1 } } } }, everyShape],
        [{ $not: { 'data.a': { $startsWith: '1' } } }, without('text', 'mixed')],
        [{ 'data.a.b': { $ne: 1 } }, without('object')],
      ]);
    },
  );

  test('absence', 'missing, null and [] are absent; {}, "", 0 and false are not', queries, async (t) => {
    const absent = 'none null empty';
    const present = without('none', 'null', 'empty');
    await expectMatches(t, shapes, [
      [{ 'data.a': { $exists: true } }, present],
      [{ 'data.a': { $exists: false } }, absent],
      [{ 'data.a': null }, absent],
      [{ 'data.a': { $eq: null } }, absent],
      [{ 'data.a': { $ne: null } }, present],
      [{ 'data.a': { $in: [null, 1] } }, `${absent} one listed`],
      [{ 'data.a': { $nin: [null, 1] } }, without('none', 'null', 'empty', 'one', 'listed')],
      [{ 'data.a': { $not: { $exists: true } } }, absent],
      [{ 'data.a': { $contains: null } }, absent],
    ]);
  });

  test(
    'ranges',
    'a range compares numbers with numbers and text with text, and both its ends hold',
    queries,
    async (t) => {
      const documents = {
        two: { a: 2 },
        five: { a: 5 },
        nine: { a: 9 },
        ten: { a: 10 },
        minus: { a: -3 },
        text: { a: '5' },
        later: { a: '7' },
        true: { a: true },
        none: {},
        null: { a: null },
        lists: { a: [1, 20] },
        within: { a: [6] },
        words: { a: ['6', 'x'] },
      };
      await expectMatches(t, documents, [
        [{ 'data.a': { $gt: 5 } }, 'nine ten lists within'],
        [{ 'data.a': { $gte: 5 } }, 'five nine ten lists within'],
        [{ 'data.a': { $lt: 5 } }, 'two minus lists'],
        [{ 'data.a': { $lte: 5 } }, 'two five minus lists'],
        [{ 'data.a': { $gt: 2, $lt: 10 } }, 'five nine lists within'],
        [{ 'data.a': { $gte: 2, $lte: 9 } }, 'two five nine lists within'],
        [{ 'data.a': { $gt: 9, $lt: 2 } }, 'lists'],
        [{ 'data.a': { $gte: '5', $lt: '7' } }, 'text words'],
        [{ 'data.a': { $gt: '' } }, 'text later words'],
        [{ $not: { 'data.a': { $gt: 2, $lt: 10 } } }, 'two ten minus text later true none null words'],
        [{ 'data.a': { $gt: -4, $lt: -2.5 } }, 'minus'],
      ]);
    },
  );

  test(
    'text-by-code-point',
    'text is compared by code point, exactly: no locale, case folding or normal form',
    queries,
    async (t) => {
      const documents = {
        upper: { a: 'Z' },
        lower: { a: 'a' },
        accent: { a: '\u00e9' },
        combined: { a: 'e\u0301' },
        half: { a: '｡' },
        face: { a: '😀' },
        dotted: { a: 'İ' },
        padded: { a: 'a ' },
        ten: { a: '10' },
        nine: { a: '9' },
      };
      await expectMatches(t, documents, [
        [{ 'data.a': { $lt: 'a' } }, 'upper ten nine'],
        [{ 'data.a': { $gt: '｡' } }, 'face'],
        [{ 'data.a': { $lt: '😀', $gt: 'z' } }, 'accent dotted half'],
        [{ 'data.a': '\u00e9' }, 'accent'],
        [{ 'data.a': 'e\u0301' }, 'combined'],
        [{ 'data.a': 'A' }, ''],
        [{ 'data.a': 'a' }, 'lower'],
        [{ 'data.a': { $gte: '10', $lt: '9' } }, 'ten'],
      ]);
    },
  );

  test(
    'starts-with',
    '$startsWith meets text that begins exactly so, wildcards and case included',
    queries,
    async (t) => {
      const documents = {
        a: { a: 'abc' },
        upper: { a: 'Abc' },
        percent: { a: 'a%c' },
        under: { a: 'a_c' },
        list: { a: ['x', 'abx'] },
        number: { a: 12 },
        quote: { a: "a'b" },
        slash: { a: 'a\\b' },
        star: { a: 'a*c' },
        face: { a: '😀x' },
        missing: {},
      };
      await expectMatches(t, documents, [
        [{ 'data.a': { $startsWith: 'ab' } }, 'a list'],
        [{ 'data.a': { $startsWith: 'a%' } }, 'percent'],
        [{ 'data.a': { $startsWith: 'a_' } }, 'under'],
        [{ 'data.a': { $startsWith: 'a*' } }, 'star'],
        [{ 'data.a': { $startsWith: 'A' } }, 'upper'],
        [{ 'data.a': { $startsWith: "a'" } }, 'quote'],
        [{ 'data.a': { $startsWith: 'a\\' } }, 'slash'],
        [{ 'data.a': { $startsWith: '1' } }, ''],
        [{ 'data.a': { $startsWith: '' } }, 'a upper percent under list quote slash star face'],
        [{ 'data.a': { $startsWith: '😀' } }, 'face'],
      ]);
    },
  );

  test(
    'empty-operands',
    'an empty $in matches nothing, an empty $nin everything; so do an empty $or and $and',
    queries,
    async (t) => {
      const documents = { x: { a: 1 }, y: {} };
      await expectMatches(t, documents, [
        [{ 'data.a': { $in: [] } }, ''],
        [{ 'data.a': { $nin: [] } }, 'x y'],
        [{ $and: [] }, 'x y'],
        [{ $or: [] }, ''],
        [{}, 'x y'],
        [{ $not: {} }, ''],
        [{ $not: { $or: [] } }, 'x y'],
        [{ 'data.a': 1, $or: [] }, ''],
        [{ $or: [{}, { 'data.a': 5 }] }, 'x y'],
        [{ $or: [{ 'data.a': { $in: [] } }, { 'data.a': 1 }] }, 'x'],
      ]);
    },
  );

  test('in-lists', '$in takes values of several types', queries, async (t) => {
    await expectMatches(t, shapes, [
      [{ 'data.a': { $in: [1, '', true] } }, 'one listed blank true mixed'],
      [{ 'data.a': { $in: ['1'] } }, 'text mixed'],
      [{ 'data.a': { $in: [0, 1.5, 99] } }, 'zero float'],
    ]);
    const store = await t.store();
    await store.storeMany(Array.from({ length: 50 }, (_, n) => ({ key: `k${n}`, data: { n } })));
    equal(
      await store.count({ filter: { 'data.n': { $in: Array.from({ length: 500 }, (_, n) => n * 2) } } }),
      25,
      'count of a list of 500 values',
    );
  });

  test(
    'grouping',
    'members of one filter all hold, and $or groups its parts as they are written',
    queries,
    async (t) => {
      const documents = {
        both: { a: 1, b: 2 },
        a: { a: 1, b: 0 },
        b: { a: 0, b: 2 },
        c: { c: 3 },
        all: { a: 1, b: 2, c: 3 },
      };
      await expectMatches(t, documents, [
        [{ $or: [{ 'data.a': 1, 'data.b': 2 }] }, 'both all'],
        [{ $or: [{ 'data.a': 1, 'data.b': 2 }, { 'data.c': 3 }] }, 'both c all'],
        [{ 'data.c': 3, $or: [{ 'data.a': 1 }, { 'data.b': 2 }] }, 'all'],
        [
          { $and: [{ $or: [{ 'data.a': 1 }, { 'data.c': 3 }] }, { $or: [{ 'data.b': 2 }, { 'data.a': 0 }] }] },
          'both all',
        ],
        [{ $not: { $or: [{ 'data.a': 1 }, { 'data.b': 2 }] } }, 'c'],
        [{ $not: { 'data.a': 1, 'data.b': 2 } }, 'a b c'],
        [{ $and: [{ 'data.a': 1 }], $or: [{ 'data.b': 0 }], $not: { 'data.c': 3 } }, 'a'],
      ]);
    },
  );

  test('numbers', 'numbers compare as numbers, at every size', queries, async (t) => {
    const big = Number.MAX_SAFE_INTEGER;
    const documents = {
      one: { a: 1 },
      big: { a: big },
      next: { a: big - 1 },
      tiny: { a: 5e-324 },
      minus: { a: -1 },
      tenth: { a: 0.1 },
      odd: { a: 16_777_217 },
      even: { a: 16_777_216 },
      huge: { a: 1e21 },
    };
    await expectMatches(t, documents, [
      [{ 'data.a': 1.0 }, 'one'],
      [{ 'data.a': big }, 'big'],
      [{ 'data.a': { $gt: big - 1 } }, 'big huge'],
      [{ 'data.a': 5e-324 }, 'tiny'],
      [{ 'data.a': { $gt: 0, $lt: 0.1 } }, 'tiny'],
      [{ 'data.a': 16_777_217 }, 'odd'],
      [{ 'data.a': { $lt: 0 } }, 'minus'],
      [{ 'data.a': 0.1 }, 'tenth'],
    ]);
  });

  test('long-text', 'text of over 4 KB is compared to its end', queries, async (t) => {
    const long = 'x'.repeat(5000);
    await expectMatches(t, { a: { t: `${long}a` }, b: { t: `${long}b` } }, [
      [{ 'data.t': `${long}a` }, 'a'],
      [{ 'data.t': { $gt: `${long}a` } }, 'b'],
      [{ 'data.t': { $startsWith: long } }, 'a b'],
      [{ 'data.t': { $ne: `${long}b` } }, 'a'],
    ]);
  });
}
