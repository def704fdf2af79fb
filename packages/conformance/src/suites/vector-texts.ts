import { type CallOptions, type Embedder, isStorageError, type VectorCollection } from '@storage/core';
import { equal, fail, ok, rejects, within } from '../assert.ts';
import { settledWithin, type TestContext } from '../context.ts';
import { untyped } from '../properties/filter-properties.ts';
import { randomNumbers, randomVector } from '../properties/vector-reference.ts';
import type { AddTest } from '../suite.ts';
import { exactly } from './vector-documents.ts';

/** An embedder that knows no language: each text has a random direction of its own. */
function embedderOf(dimension: number, told: Pick<Embedder, 'model' | 'dimension'> = {}): Embedder & { asked: number } {
  const embed = async (texts: readonly string[]): Promise<readonly number[][]> => {
    embedder.asked += texts.length;
    return texts.map((text) => {
      let seed = dimension;
      for (const byte of new TextEncoder().encode(text)) seed = Math.imul(seed ^ byte, 16_777_619) >>> 0;
      return randomVector(randomNumbers(seed), dimension);
    });
  };
  const embedder = Object.assign(embed, told, { asked: 0 });
  return embedder;
}

async function textsOf(t: TestContext, embeddingModel?: string): Promise<VectorCollection> {
  const store = await t.vectors();
  await store.createCollection('texts', { dimension: 8, metric: t.vectorFlags.metrics[0], embeddingModel });
  return store.collection('texts');
}

const texts = ['the cat sat', 'a dog ran', 'it rained', 'snow fell'];

/** Texts that an embedder turns into vectors. */
export function textTests(test: AddTest): void {
  test('texts', 'texts are stored and searched through an embedder as their vectors would be', async (t) => {
    const collection = await textsOf(t, 'm-1');
    const embed = embedderOf(8, { model: 'm-1', dimension: 8 });
    const documents = texts.map((content, index) => ({
      id: `t${index}`,
      content,
      metadata: { odd: index % 2 },
      createdAt: new Date(index),
    }));
    equal(
      await collection
        .upsertTexts([...documents, { content: 'made' }], { embed, waitFor: 'visible' })
        .then(({ count, ids }) => [count, ids.slice(0, 4), ids[4] === '']),
      [5, documents.map(({ id }) => id), false],
      'what upsertTexts answers',
    );
    equal(embed.asked, 5, 'how many texts were embedded');
    for (const [index, text] of texts.entries()) {
      const [best] = await collection.searchByText(text, { embed, ...exactly(t) }, { includeVectors: true });
      const { score = Number.NaN, document } = best ?? fail('there is a match');
      equal(
        { ...document, vector: [] },
        { ...documents[index], vector: [] },
        `the document that is closest to ${text}`,
      );
      const [vector = []] = await embed([text]);
      const [same] = await collection.search({ vector, limit: 1, ...exactly(t) });
      within(score, (same?.score ?? 0) - 1e-4, (same?.score ?? 0) + 1e-4, 'the score, as of a search by the vector');
      for (const [place, value] of Array.from(vector).entries())
        within(document.vector[place] ?? Number.NaN, value - 1e-5, value + 1e-5, `member ${place} of the vector`);
    }
    const query = { embed, limit: 3, filter: untyped({ odd: 1 }), ...exactly(t) };
    const odd = await collection.searchByText('a dog ran', query, { includeMetadata: false });
    equal(
      odd.map(({ document }) => document.metadata),
      [{}, {}],
      'metadata of matches, when it was not asked for',
    );
    equal(odd[0]?.document.id, 't1', 'the closest of those that a filter leaves over');
    equal(await collection.searchByText('x', { embed, minScore: 1e9 }), [], 'matches that are closer than anything');
    equal(await collection.upsertTexts([], { embed }), { count: 0, ids: [] }, 'upsertTexts of nothing');
  });

  test('embedding-model', 'a collection remembers its model and refuses another', async (t) => {
    const store = await t.vectors();
    const [metric] = t.vectorFlags.metrics;
    const options = { dimension: 8, metric, embeddingModel: 'm-1' };
    equal((await store.createCollection('c', options)).embeddingModel, 'm-1', 'what createCollection tells');
    equal((await store.getCollection('c'))?.embeddingModel, 'm-1', 'what getCollection tells');
    equal((await store.listCollections()).items[0]?.embeddingModel, 'm-1', 'what listCollections tells');
    equal((await store.createCollection('c', { ...options, ifAbsent: true })).embeddingModel, 'm-1', 'with ifAbsent');
    await rejects(
      () => store.createCollection('c', { ...options, embeddingModel: 'm-2', ifAbsent: true }),
      'invalid_state',
      'createCollection with another model',
    );
    equal((await store.createCollection('d', { dimension: 8, metric })).embeddingModel, undefined, 'none was told');
    for (const embeddingModel of ['', 1 as never, null as never, 'x'.repeat(257)])
      await rejects(
        () => store.createCollection('e', { dimension: 8, metric, embeddingModel }),
        'invalid_argument',
        `the model ${JSON.stringify(embeddingModel).slice(0, 20)}`,
      );
    for (const [name, embed] of [
      ['c', embedderOf(8)],
      ['c', embedderOf(8, { model: 'm-1' })],
      ['d', embedderOf(8, { model: 'm-2' })],
    ] as const)
      equal((await store.collection(name).upsertTexts([{ content: 'x' }], { embed })).count, 1, 'how many were stored');
  });

  test(
    'wrong-embedders',
    'an embedder of another model or dimension is refused by both names, before it works',
    async (t) => {
      const collection = await textsOf(t, 'm-1');
      const told = [
        [embedderOf(8, { model: 'm-2' }), ['m-1', 'm-2']],
        [embedderOf(9, { dimension: 9, model: 'm-1' }), ['8', '9']],
      ] as const;
      for (const [embed, names] of told) {
        const errors = [
          await rejects(
            () => collection.upsertTexts([{ id: 'a', content: 'x' }], { embed }),
            'invalid_argument',
            'upsertTexts',
          ),
          await rejects(() => collection.searchByText('x', { embed }), 'invalid_argument', 'searchByText'),
        ];
        for (const { message } of errors)
          for (const name of names) ok(message.includes(name), `the message names ${name}: ${message}`);
        equal(embed.asked, 0, 'how many texts a refused embedder was asked');
      }
      const wrong: { readonly [name: string]: Embedder } = {
        'vectors of another length': embedderOf(9),
        'too few vectors': async () => [],
        'too many vectors': async () => [
          [1, 2, 3, 4, 5, 6, 7, 8],
          [1, 2, 3, 4, 5, 6, 7, 8],
        ],
        'no list': async () => undefined as never,
        'vectors of NaN': async () => [Array.from({ length: 8 }, () => Number.NaN)],
        'a text as a vector': async () => ['abcdefgh'] as never,
      };
      for (const [name, embed] of Object.entries(wrong)) {
        await rejects(
          () => collection.upsertTexts([{ content: 'x' }], { embed }),
          'invalid_argument',
          `upsertTexts with ${name}`,
        );
        await rejects(() => collection.searchByText('x', { embed }), 'invalid_argument', `searchByText with ${name}`);
      }
      const broken = new Error('quota');
      const failing: Embedder = async () => {
        throw broken;
      };
      for (const call of [
        () => collection.upsertTexts([{ content: 'x' }], { embed: failing }),
        () => collection.searchByText('x', { embed: failing }),
      ]) {
        const error = await rejects(call, 'internal', 'an embedder that fails');
        ok(error.cause === broken, "the embedder's own error is the cause");
      }
      equal(await collection.count(), 0, 'count');
    },
  );

  test('bad-texts', 'what is no text or no embedder is refused', async (t) => {
    const collection = await textsOf(t);
    const embed = embedderOf(8);
    for (const content of [undefined, null, 1, ['x'], '\ud800'] as never[])
      await rejects(
        () => collection.upsertTexts([{ content: 'good' }, { content }], { embed }),
        'invalid_argument',
        `upsertTexts of ${String(content)}`,
      );
    for (const text of [undefined, null, 1, '\ud800'] as never[])
      await rejects(() => collection.searchByText(text, { embed }), 'invalid_argument', `searchByText of ${text}`);
    for (const none of [undefined, null, 'm-1', {}] as never[]) {
      await rejects(
        () => collection.upsertTexts([{ content: 'x' }], { embed: none }),
        'invalid_argument',
        'no embedder',
      );
      await rejects(() => collection.searchByText('x', { embed: none }), 'invalid_argument', 'no embedder');
    }
    await rejects(
      () => collection.upsertTexts([{ content: 'x' }], undefined as never),
      'invalid_argument',
      'no options',
    );
    await rejects(() => collection.searchByText('x', { embed, limit: 0 }), 'invalid_argument', 'limit 0');
    equal([embed.asked, await collection.count()], [0, 0], 'texts that were embedded, and documents');
  });

  test('abort-while-embedding', 'an abort and a deadline reach the embedder, and nothing is stored', async (t) => {
    const collection = await textsOf(t);
    for (const name of ['aborted', 'timeout'] as const) {
      const controller = new AbortController();
      let signal: AbortSignal | undefined;
      let begun = (): void => undefined;
      const started = new Promise<void>((resolve) => {
        begun = resolve;
      });
      const embed: Embedder = (_texts, options?: CallOptions) =>
        new Promise((_resolve, reject) => {
          signal = options?.signal;
          signal?.addEventListener('abort', () => reject(new Error('the embedder was told')), { once: true });
          begun();
        });
      const options: CallOptions = name === 'aborted' ? { signal: controller.signal } : { timeoutMs: 50 };
      const calls: readonly Promise<unknown>[] = [
        collection.upsertTexts([{ content: 'x' }], { embed, ...options }),
        collection.searchByText('x', { embed }, options),
        // Caught at once: a call may end before it is looked at.
      ].map((call) => call.catch((error: unknown) => error));
      await started;
      setTimeout(() => controller.abort(), 20);
      for (const call of calls) {
        const ended = await settledWithin<unknown, 'late'>(call, 5000, 'late');
        ok(isStorageError(ended) && ended.code === name, `the call ends with ${name}: ${String(ended)}`);
      }
      ok(signal?.aborted, `the embedder's signal is aborted: ${name}`);
    }
    equal(await collection.count(), 0, 'count');
  });
}
