import type { VectorCollection, VectorFields, VectorFieldType } from '@storage/core';
import { compileEvaluator, joinPath } from '@storage/core/filter';
import fc from 'fast-check';
import { equal, fail, ok, rejects, sameSet } from '../assert.ts';
import type { TestContext } from '../context.ts';
import { checkProperty } from '../properties/check.ts';
import { untyped } from '../properties/filter-properties.ts';
import { checkQuestion, declaredFields, questionArbitrary } from '../properties/vector-properties.ts';
import type { AddTest } from '../suite.ts';
import { exactly, idsOf, patient, subjectOf } from './vector-documents.ts';

/** What stands under a declared member, of its type and of others: an index of one type must not take one for another, nor forget the rest. */
const values: readonly unknown[] = [
  5,
  5.5,
  -1,
  -0.5,
  0,
  16_777_217,
  Number.MAX_SAFE_INTEGER,
  '5',
  '5.0',
  '',
  'ABC',
  'abc',
  'abc def',
  '550E8400-E29B-41D4-A716-446655440000',
  '550e8400-e29b-41d4-a716-446655440000',
  'true',
  true,
  false,
  null,
  [],
  [5, 'abc', true],
  [null],
  ['abc', 'x'],
  [5.5, -1],
  { b: 5 },
];

const tests: readonly object[] = [
  ...values
    .filter((value) => ['number', 'string', 'boolean'].includes(typeof value))
    .flatMap((value) => [{ $eq: value }, { $ne: value }, { $in: [value, 'nothing'] }]),
  { $gt: 5 },
  { $gte: 5.5 },
  { $lt: 0 },
  { $lte: -0.5 },
  { $gt: -1, $lt: 5.5 },
  { $gt: '5' },
  { $lte: 'abc' },
  { $startsWith: 'abc' },
  { $startsWith: 'AB' },
  { $exists: true },
  { $exists: false },
  { $eq: null },
  { $nin: [5, 'abc', true, null] },
  { $in: [5, 'abc', true, null] },
  { $not: { $gt: 0 } },
  { $contains: 'x' },
];

async function fieldsCollection(t: TestContext, name: string, fields: VectorFields): Promise<VectorCollection> {
  const store = await t.vectors();
  await store.createCollection(name, { dimension: 3, metric: t.vectorFlags.metrics[0], fields });
  return store.collection(name);
}

/** Fails unless the collection finds what the reference finds, by iterate, count and search. */
async function checkFilters(
  t: TestContext,
  collection: VectorCollection,
  documents: readonly { readonly id: string; readonly metadata: object }[],
  filters: readonly object[],
): Promise<void> {
  for (const filter of filters) {
    const matches = compileEvaluator(filter);
    const expected = documents.filter(({ metadata }) => matches(metadata)).map(({ id }) => id);
    const shown = JSON.stringify(filter);
    const query = { vector: [1, 1, 1], limit: documents.length, filter: untyped(filter), ...exactly(t) };
    const [ids, count, matched] = await Promise.all([
      idsOf(collection, filter),
      collection.count(untyped(filter)),
      collection.search(query),
    ]);
    sameSet(ids, expected, `documents that match ${shown}`);
    equal(count, expected.length, `count of ${shown}`);
    sameSet(
      matched.map(({ document }) => document.id),
      expected,
      `matches of a search with ${shown}`,
    );
  }
}

const moments = [
  '1969-12-31T23:59:59.999Z',
  '1970-01-01T00:00:00.000Z',
  '2024-02-29T12:00:00.000Z',
  '2024-02-29T12:00:00.001Z',
];

/** Fields that a collection declares. */
export function fieldTests(test: AddTest): void {
  test('fields', 'declared fields are told; what declares none is refused', async (t) => {
    const store = await t.vectors();
    const [metric] = t.vectorFlags.metrics;
    const fields: VectorFields = {
      page: 'number',
      'source.name': 'string',
      [joinPath(['a.b'])]: 'boolean',
      at: 'date',
    };
    equal((await store.createCollection('c', { dimension: 2, metric, fields })).fields, fields, 'what is told at once');
    equal((await store.getCollection('c'))?.fields, fields, 'what getCollection tells');
    equal((await store.listCollections()).items[0]?.fields, fields, 'what listCollections tells');
    equal((await store.createCollection('none', { dimension: 2, metric })).fields, {}, 'when none was declared');
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`f${index}`, 'string' as const]));
    for (const bad of [
      { a: 'text' },
      { a: 'integer' },
      { a: undefined },
      { $a: 'string' },
      { 'a\\x': 'string' },
      many,
      [],
      'a',
      null,
    ])
      await rejects(
        () => store.createCollection('bad', { dimension: 2, metric, fields: bad as never }),
        'invalid_argument',
        `fields ${JSON.stringify(bad).slice(0, 60)}`,
      );
    equal(await store.getCollection('bad'), undefined, 'a collection that was refused');
  });

  test('fields-of-any-type', 'a declared field answers as one that is not, whatever stands there', async (t) => {
    const documents = values.map((value, index) => ({
      id: `v${index}`,
      vector: [1, index, 1],
      metadata: { f: value as never },
    }));
    documents.push({ id: 'missing', vector: [1, 1, 2], metadata: {} as never });
    const filters = tests.map((f) => ({ f }));
    const store = await t.vectors();
    const check = async (type: VectorFieldType): Promise<void> => {
      await store.createCollection(type, { dimension: 3, metric: t.vectorFlags.metrics[0], fields: { f: type } });
      const collection = store.collection(type);
      await collection.upsert(documents);
      await checkFilters(t, collection, documents, filters);
    };
    await Promise.all((['string', 'number', 'boolean'] as const).map(check));
  });

  test('fields-change-no-answer', 'random filters over declared fields find what the reference finds', async (t) => {
    const subject = await subjectOf(t, declaredFields);
    const { collection } = subject;
    const property = fc.asyncProperty(questionArbitrary(200), async (question) => {
      const { matched } = await checkQuestion(subject, question);
      equal(await collection.count(untyped(question.filter)), matched, `count of ${JSON.stringify(question.filter)}`);
    });
    await checkProperty(t, property, t.runs, patient);
  });

  test('dates', 'ranges of a declared date are exact to the millisecond, whatever they are asked with', async (t) => {
    const collection = await fieldsCollection(t, 'dates', { at: 'date' });
    const at: readonly unknown[] = [
      ...moments,
      moments.slice(0, 2),
      [moments[3], 1],
      0,
      true,
      null,
      [],
      { b: moments[0] },
    ];
    const documents = at.map((value, index) => ({
      id: `v${index}`,
      vector: [1, index, 1],
      metadata: { at: value as never },
    }));
    documents.push({ id: 'missing', vector: [1, 1, 2], metadata: {} as never });
    await collection.upsert(documents);
    const operands = [
      ...moments,
      '2024-02-29T12:00:00Z',
      '2024-02-29T12:00:00.000',
      '2024',
      '',
      'z',
      '9999-12-31T23:59:59.999Z',
      0,
    ];
    const filters = operands.flatMap((operand) => [
      { at: { $gt: operand } },
      { at: { $gte: operand } },
      { at: { $lt: operand } },
      { at: { $lte: operand } },
      { at: operand },
      { at: { $ne: operand } },
      { at: { $not: { $lt: operand } } },
    ]);
    const [first, second] = [moments[1] ?? '', moments[2] ?? ''];
    await checkFilters(t, collection, documents, [
      ...filters,
      { at: { $gte: first, $lt: second } },
      { at: { $startsWith: '2024-02' } },
      { at: { $in: [first, second] } },
      { at: { $exists: false } },
    ]);
    // A Date in metadata and in a filter is its text.
    await collection.upsert([{ id: 'date', vector: [1, 2, 3], metadata: { at: new Date(first) } }]);
    const asked = { at: { $gte: new Date(first), $lte: new Date(first) } };
    sameSet(await idsOf(collection, asked), ['v1', 'v4', 'date'], 'documents of a moment, asked with a Date');
  });

  test(
    'dates-are-instants',
    'a text that is no instant is refused where a date is declared, and nothing is stored',
    async (t) => {
      const collection = await fieldsCollection(t, 'dates', { 'source.at': 'date' });
      const good = { id: 'good', vector: [1, 2, 3] };
      for (const at of [
        '2024-01-01',
        '2024-01-01T00:00:00Z',
        '2024-01-01T01:00:00.000+01:00',
        '',
        'soon',
        '2024-02-30T00:00:00.000Z',
        '+012024-01-01T00:00:00.000Z',
        [first(), 'soon'],
      ]) {
        const bad = { id: 'bad', vector: [1, 2, 3], metadata: { source: { at } } };
        const { message } = await rejects(() => collection.upsert([good, bad]), 'invalid_argument', `the date ${at}`);
        ok(message.includes('source.at'), `the message names the field: ${message}`);
      }
      equal(await collection.count(), 0, 'count');
      await collection.upsert([{ ...good, metadata: { source: 'soon', at: 'soon' } }]);
    },
  );
}

function first(): string {
  return moments[0] ?? fail('there are moments');
}
