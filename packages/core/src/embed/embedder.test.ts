import { describe, expect, it, jest } from '@jest/globals';
import { embed, embedMany } from 'ai';
import { MockEmbeddingModelV3 } from 'ai/test';
import { StorageError } from '../errors.ts';
import { createEmbedder } from './index.ts';

/** The length of a text and 1. */
const lengths = async (texts: readonly string[]): Promise<number[][]> => texts.map((text) => [text.length, 1]);

describe('of the AI SDK', () => {
  const asked: string[][] = [];
  const signals: (AbortSignal | undefined)[] = [];
  const model = new MockEmbeddingModelV3({
    modelId: 'text-embedding-mock',
    maxEmbeddingsPerCall: 2,
    doEmbed: async ({ values, abortSignal }) => {
      asked.push([...values]);
      signals.push(abortSignal);
      return { embeddings: await lengths(values), warnings: [] };
    },
  });

  it.each([
    ['embedMany', createEmbedder({ embedMany, model }), [['a', 'bb'], ['ccc']]],
    ['embed', createEmbedder({ embed, model }), [['a'], ['bb'], ['ccc']]],
  ])('%s makes vectors, in batches of the model, and the model is known', async (_name, embedder, batches) => {
    asked.length = 0;
    const { signal } = new AbortController();
    expect(await embedder(['a', 'bb', 'ccc', 'a'], { signal })).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
      [1, 1],
    ]);
    expect(asked).toEqual(batches);
    expect(signals.at(-1)).toBe(signal);
    expect(embedder.model).toBe('text-embedding-mock');
  });
});

describe('of a function', () => {
  it('is handed batches, several at once and each text once', async () => {
    let now = 0;
    let most = 0;
    const source = jest.fn(async (texts: readonly string[]) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
      return lengths(texts);
    });
    const embedder = createEmbedder(source, { batchSize: 3, concurrency: 2, model: 'mine', dimension: 2 });
    const texts = Array.from({ length: 10 }, (_, index) => 'x'.repeat(index));
    expect(await embedder([...texts, ...texts])).toEqual([...texts, ...texts].map((text) => [text.length, 1]));
    expect(source.mock.calls.map(([batch]) => batch.length)).toEqual([3, 3, 3, 1]);
    expect(most).toBe(2);
    expect([embedder.model, embedder.dimension]).toEqual(['mine', 2]);
    expect(await embedder([])).toEqual([]);
  });

  it('ends between batches when the signal is aborted', async () => {
    const controller = new AbortController();
    const source = jest.fn(async (texts: readonly string[]) => {
      controller.abort(new Error('enough'));
      return lengths(texts);
    });
    const embedder = createEmbedder(source, { batchSize: 1, concurrency: 1 });
    await expect(embedder(['a', 'b', 'c'], { signal: controller.signal })).rejects.toThrow('enough');
    expect(source).toHaveBeenCalledTimes(1);
  });

  it('throws what the function throws, and refuses an answer of another length', async () => {
    await expect(createEmbedder(() => Promise.reject(new Error('quota')))(['a'])).rejects.toThrow('quota');
    await expect(createEmbedder(async () => [])(['a'])).rejects.toMatchObject({ code: 'invalid_state' });
    await expect(createEmbedder(async () => undefined as never)(['a'])).rejects.toBeInstanceOf(StorageError);
  });
});

it.each<[string, () => unknown]>([
  ['a source that is none', () => createEmbedder({} as never)],
  ['a model that is none', () => createEmbedder({ embedMany, model: 1 as never })],
  ['a batch of 0', () => createEmbedder(lengths, { batchSize: 0 })],
  ['no concurrency', () => createEmbedder(lengths, { concurrency: 0.5 })],
  ['a dimension of 0', () => createEmbedder(lengths, { dimension: 0 })],
])('refuses %s', (_what, make) => {
  expect(make).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
});
