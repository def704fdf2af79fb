import { expect, it, jest } from '@jest/globals';
import { compileEvaluator, normalizeFilter } from '@storage/core/filter';
import { onService } from '@storage/services/testing';
import { ChromaClient, type Collection, type Where } from 'chromadb';
import type { ChromaBackend } from '../src/index.ts';
import { openFresh, tenant } from './harness.ts';

// A busy machine's share.
jest.setTimeout(60_000);

interface Subject {
  readonly backend: ChromaBackend;
  /** The same documents as a user of the vendor's client would store them. */
  readonly naive: Collection;
}

const documents: { readonly [id: string]: { readonly [key: string]: unknown } } = {
  one: { n: 1, s: 'x', tags: ['p', 'q'], b: true },
  oneAndHalf: { n: 1.5, s: 'y', tags: ['r'] },
  minusOne: { n: -1, s: '1', tags: 'p' },
  zero: { n: 0, b: false },
  text: { n: '1', s: '' },
  none: {},
  numbers: { n: [3, -7.5] },
  mixed: { n: [1, 'x', true], s: ['x', 'z'] },
  deep: { o: { n: 1.5, s: 'x' }, 'o.n': 7 },
  odd: { $n: 1, 'chroma:n': 1, '#n': 1, __proto: 1, 'storage:n': 1, '': 1 },
  null: { n: null, s: [], tags: [null] },
  large: { n: 1e21, s: 'z'.repeat(3000) },
};

await onService('chroma', ({ url }) => {
  const { hostname: host, port } = new URL(url);

  async function onSubject(body: (subject: Subject) => Promise<void>, fields: object = {}): Promise<void> {
    await using backend = await openFresh(url);
    await backend.vectors.createCollection('ours', { dimension: 2, fields: fields as never });
    const entries = Object.entries(documents);
    await backend.vectors
      .collection('ours')
      .upsert(entries.map(([id, metadata], index) => ({ id, vector: [1, index], metadata: metadata as never })));
    const { database } = (await backend.health()).details as { readonly database: string };
    const client = new ChromaClient({ host, port: Number(port), ssl: false, tenant, database });
    const naive = await client.createCollection({ name: 'naive', embeddingFunction: null });
    for (const [index, [id, metadata]] of entries.entries()) {
      const stored = Object.fromEntries(Object.entries(metadata).filter(([key, value]) => isStorable(key, value)));
      await naive.upsert({ ids: [id], embeddings: [[1, index]], metadatas: [{ any: 1, ...stored } as never] });
    }
    await body({ backend, naive });
  }

  const reference = (filter: object): readonly string[] => {
    normalizeFilter(filter);
    const matches = compileEvaluator(filter);
    return Object.keys(documents)
      .filter((id) => matches(documents[id]))
      .sort();
  };

  /** What the reference finds, by search, count and delete. */
  async function expectRight({ backend }: Subject, filter: object): Promise<void> {
    const ours = backend.vectors.collection('ours');
    const found = await ours.search({ vector: [1, 0], limit: 100, filter: filter as never });
    const wanted = reference(filter);
    expect([JSON.stringify(filter), found.map(({ document }) => document.id).sort()]).toEqual([
      JSON.stringify(filter),
      wanted,
    ]);
    expect(await ours.count(filter as never)).toBe(wanted.length);
  }

  async function ask({ naive }: Subject, where: object): Promise<readonly string[] | 'refused'> {
    try {
      return [...(await naive.get({ where: where as Where, include: [] })).ids].sort();
    } catch (error) {
      expect((error as Error).message).toMatch(/where|expect|bad request|null/i);
      return 'refused';
    }
  }

  it('cuts no fraction: 1.5 does not hit 1, nor does a range over it', () =>
    onSubject(async (subject) => {
      // What the vendor makes of the same filter over scalars, and what is right.
      for (const [filter, wrong] of [
        [{ n: { $eq: 1.5 } }, ['one', 'oneAndHalf']],
        [{ n: { $gt: -1.5 } }, ['one', 'oneAndHalf', 'zero', 'large']],
        [{ n: { $gte: 1.5 } }, ['large', 'one', 'oneAndHalf']],
        [{ n: { $lt: 1.5 } }, ['minusOne', 'zero']],
        [{ n: { $lte: -1.5 } }, ['minusOne']],
      ] as const) {
        expect([filter, await ask(subject, filter)]).toEqual([filter, [...wrong].sort()]);
        await expectRight(subject, filter);
        await expectRight(subject, { $not: filter });
      }
      expect(await ask(subject, { n: { $ne: 1.5 } })).not.toContain('one');
      await expectRight(subject, { n: { $ne: 1.5 } });
      await expectRight(subject, { n: { $in: [1.5, -1, '1'] } });
      await expectRight(subject, { n: { $nin: [1.5, -1] } });
    }));

  it('hits the elements of arrays, by equality and by ranges', () =>
    onSubject(async (subject) => {
      expect(await ask(subject, { tags: 'p' })).toEqual(['minusOne']);
      expect(await ask(subject, { tags: { $contains: 'p' } })).not.toContain('minusOne');
      await expectRight(subject, { tags: 'p' });
      await expectRight(subject, { tags: { $ne: 'p' } });
      await expectRight(subject, { tags: { $in: ['q', 'r'] } });
      expect(await ask(subject, { n: { $lt: -5 } })).toEqual([]);
      await expectRight(subject, { n: { $lt: -5 } });
      await expectRight(subject, { n: { $gte: 2 } });
      await expectRight(subject, { n: 3 });
      await expectRight(subject, { n: true });
      await expectRight(subject, { n: { $in: Array.from({ length: 40 }, (_, index) => index) } });
      await expectRight(subject, { n: { $nin: Array.from({ length: 40 }, (_, index) => index) } });
    }));

  it('answers what the vendor refuses: exists, empty lists, lists of two types, ranges and prefixes of texts', () =>
    onSubject(async (subject) => {
      for (const filter of [
        { n: { $exists: true } },
        { s: { $in: [] } },
        { n: { $in: [1, 'x'] } },
        { s: { $gt: 'x' } },
        { s: { $startsWith: 'z' } },
        { n: { $gt: 0, $lt: 2 } },
        { $and: [] },
        { $or: [{ n: 1 }] },
        { n: null },
      ]) {
        expect([filter, await ask(subject, filter)]).toEqual([filter, 'refused']);
        await expectRight(subject, filter);
        await expectRight(subject, { $not: filter });
      }
    }));

  it('complements ranges, which hold where there is no number, on fields that are declared and others', async () => {
    for (const fields of [{}, { n: 'number', s: 'string', tags: 'string' }])
      await onSubject(async (subject) => {
        for (const filter of [
          { n: { $gt: 0 } },
          { n: { $lte: -1 } },
          { n: { $exists: true } },
          { s: { $exists: true } },
          { tags: { $exists: true } },
        ]) {
          await expectRight(subject, { $not: filter });
          await expectRight(subject, filter);
        }
      }, fields);
  }, 60_000);

  it('keeps keys apart that the vendor refuses, drops or keeps for itself', () =>
    onSubject(async (subject) => {
      expect(await ask(subject, { $n: 1 })).toBe('refused');
      for (const filter of [
        { '\\$n': 1 },
        { 'chroma:n': 1 },
        { '#n': 1 },
        { 'storage:n': 1 },
        { '': 1 },
        { 'o\\.n': 7 },
        { 'o.n': 1.5 },
        { 'o.s': 'x' },
      ]) {
        expect(reference(filter)).toHaveLength(1);
        await expectRight(subject, filter);
        await expectRight(subject, { $not: filter });
      }
      await expectRight(subject, { s: 'z'.repeat(3000) });
    }));

  it('never shows what it writes beside the metadata', () =>
    onSubject(
      async ({ backend }) => {
        for await (const { id, metadata } of backend.vectors.collection('ours').iterate())
          expect(metadata).toEqual(documents[id]);
      },
      { n: 'number' },
    ));

  it('compares declared dates as times, and leaves to the recheck what is no time', async () => {
    await using backend = await openFresh(url);
    await backend.vectors.createCollection('dates', { dimension: 2, fields: { at: 'date' } });
    const dates = backend.vectors.collection('dates');
    const all = ['0001-01-01T00:00:00.000Z', '2024-05-06T07:08:09.123Z', '2024-05-06T07:08:09.124Z'];
    await dates.upsert([
      ...all.map((at, index) => ({ id: `d${index}`, vector: [1, index], metadata: { at } })),
      { id: 'many', vector: [1, 9], metadata: { at: [all[0] ?? '', all[2] ?? ''] } },
      { id: 'none', vector: [1, 9], metadata: { at: 5 } },
    ]);
    const at = new Date(all[1] ?? '');
    const ids = async (filter: object): Promise<readonly string[]> =>
      (await dates.search({ vector: [1, 0], filter: filter as never })).map(({ document }) => document.id).sort();
    expect(await ids({ at: { $gt: at } })).toEqual(['d2', 'many']);
    expect(await ids({ at: { $lte: at } })).toEqual(['d0', 'd1', 'many']);
    expect(await ids({ $not: { at: { $gt: at } } })).toEqual(['d0', 'd1', 'none']);
    expect(await ids({ at: all[2] })).toEqual(['d2', 'many']);
    expect(await ids({ at: { $gt: '2024' } })).toEqual(['d1', 'd2', 'many']);
  });
});

/** What Chroma takes as it is. */
function isStorable(key: string, value: unknown): boolean {
  if (key === '' || /^[$#]|^chroma:/.test(key) || value === null) return false;
  if (!Array.isArray(value)) return typeof value !== 'object';
  return value.length > 0 && value.every((each) => each !== null && typeof each === typeof value[0]);
}
