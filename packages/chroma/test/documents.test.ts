import { expect, it, jest } from '@jest/globals';
import { outcome } from '@storage/core';
import { inTwoProcesses } from '@storage/faults/testing';
import { onService } from '@storage/services/testing';
import { ChromaClient, type Collection } from 'chromadb';
import { type ChromaBackend, createChroma } from '../src/index.ts';
import { freshDatabase, openFresh, removeDatabase, tenant } from './harness.ts';

// A busy machine's share.
jest.setTimeout(60_000);

await onService('chroma', ({ url }) => {
  const { hostname: host, port } = new URL(url);

  async function nativeClient(backend: ChromaBackend): Promise<ChromaClient> {
    const { database } = (await backend.health()).details as { readonly database: string };
    return new ChromaClient({ host, port: Number(port), ssl: false, tenant, database });
  }

  /** The native collection, as the vendor's client has it. */
  async function nativeOf(backend: ChromaBackend, name: string): Promise<Collection> {
    return (await nativeClient(backend)).getCollection({ name });
  }

  it('loses old metadata and text when a document is replaced, where the vendor merges', async () => {
    await using backend = await openFresh(url);
    await backend.vectors.createCollection('docs', { dimension: 2, fields: { y: 'date' } });
    const docs = backend.vectors.collection('docs');
    const native = await nativeOf(backend, 'docs');
    await native.upsert({ ids: ['naive'], embeddings: [[1, 0]], metadatas: [{ x: 1, y: 'a' }], documents: ['old'] });
    await native.upsert({ ids: ['naive'], embeddings: [[0, 1]], metadatas: [{ x: 2 }] });
    expect(await native.get({ ids: ['naive'] })).toMatchObject({ documents: ['old'], metadatas: [{ x: 2, y: 'a' }] });

    const at = new Date('2024-05-06T07:08:09.123Z');
    await docs.upsert([
      { id: 'a', vector: [1, 0], content: 'old', metadata: { x: 1, y: at, tags: ['p', 'q'], o: { z: 1 } } },
    ]);
    const keysBefore = Object.keys((await native.get({ ids: ['a'] })).metadatas[0] ?? {});
    expect(keysBefore.length).toBeGreaterThan(6);
    await docs.upsert([{ id: 'a', vector: [0, 1], metadata: { x: 2 } }]);
    const after = await native.get({ ids: ['a'] });
    expect(Object.keys(after.metadatas[0] ?? {}).sort()).toEqual(['storage:record', 'x']);
    expect(after.documents).toEqual(['']);
    const [a] = await docs.get(['a']);
    expect([a?.metadata, a?.content]).toEqual([{ x: 2 }, undefined]);
    for (const gone of [{ y: at }, { tags: 'p' }, { 'o.z': 1 }]) expect(await docs.count(gone as never)).toBe(0);
  });

  it('never lets a document vanish while it is replaced, and keeps writers of one process apart', async () => {
    await using backend = await openFresh(url);
    await backend.vectors.createCollection('docs', { dimension: 2 });
    const docs = backend.vectors.collection('docs');
    await docs.upsert([{ id: 'a', vector: [1, 1], metadata: { first: true } }]);
    let writing = true;
    let missed = 0;
    const reader = async (): Promise<void> => {
      while (writing) if ((await docs.get(['a']))[0] === undefined) missed++;
    };
    const reading = reader();
    for (let round = 0; round < 5; round++) {
      const writers = Array.from({ length: 8 }, (_, writer) => {
        const own = { id: 'a', vector: [1, writer + 1], metadata: { [`by${writer}`]: round } };
        // Alone, and in a batch.
        return docs.upsert(writer % 2 === 0 ? [own] : [own, { id: `other${writer}`, vector: [1, 1] }]);
      });
      await Promise.all(writers);
      const native = await (await nativeOf(backend, 'docs')).get({ ids: ['a'] });
      expect(Object.keys(native.metadatas[0] ?? {})).toHaveLength(2);
    }
    writing = false;
    await reading;
    expect(missed).toBe(0);
  }, 60_000);

  it('keeps a namespace as a native collection under a hashed name, and takes them along', async () => {
    await using backend = await openFresh(url);
    await backend.vectors.createCollection('docs', { dimension: 2 });
    const docs = backend.vectors.collection('docs');
    for (const place of [
      docs,
      docs.namespace('acme'),
      docs.namespace('ac me/✓'),
      docs.namespace('acme').namespace('x'),
    ])
      await place.upsert([{ id: 'a', vector: [1, 2] }]);
    const client = await nativeClient(backend);
    const names = async (): Promise<readonly string[]> =>
      (await client.listCollections()).map(({ name }) => name).sort();
    expect(await names()).toEqual(['docs', ...Array(3).fill(expect.stringMatching(/^storage\.[0-9a-f]{40}$/))]);
    expect((await backend.vectors.listCollections()).items.map(({ name, count }) => [name, count])).toEqual([
      ['docs', 4],
    ]);
    expect(await docs.namespace('acme').dropNamespace({ recursive: true })).toEqual({ deleted: 2 });
    expect(await names()).toHaveLength(2);
    await backend.vectors.deleteCollection('docs');
    expect(await names()).toEqual([]);
  });

  it('notices what another process does to a collection that it knows', async () => {
    const database = freshDatabase();
    await using one = createChroma({ url, tenant, database });
    await using other = createChroma({ url, tenant, database });
    await Promise.all([one.open(), other.open()]);
    try {
      await one.vectors.createCollection('docs', { dimension: 2 });
      const here = one.vectors.collection('docs');
      const there = other.vectors.collection('docs');
      for (const place of [here, there]) await place.namespace('n').upsert([{ id: 'a', vector: [1, 2] }]);
      expect(await there.count()).toBe(0);
      await here.namespace('n').dropNamespace();
      expect(await there.namespace('n').count()).toBe(0);
      await there.namespace('n').upsert([{ id: 'b', vector: [1, 2] }]);
      await one.vectors.deleteCollection('docs');
      expect(await outcome(there.count())).toMatchObject({ ok: false, error: { code: 'not_found' } });
      expect(await outcome(there.namespace('n').get(['b']))).toMatchObject({ ok: false, error: { code: 'not_found' } });
      await one.vectors.createCollection('docs', { dimension: 3 });
      await there.upsert([{ id: 'c', vector: [1, 2, 3] }]);
      expect(await there.namespace('n').count()).toBe(0);
      expect((await other.vectors.getCollection('docs'))?.dimension).toBe(3);
    } finally {
      await removeDatabase(url, database);
    }
  });

  it('shows collections of others as far as they can be told, and writes into none', async () => {
    await using backend = await openFresh(url);
    const client = await nativeClient(backend);
    const native = await client.createCollection({
      name: 'theirs',
      metadata: { owner: 'else' },
      configuration: { hnsw: { space: 'ip' } },
      embeddingFunction: null,
    });
    await client.createCollection({ name: 'empty', embeddingFunction: null });
    expect(await outcome(backend.vectors.getCollection('empty'))).toMatchObject({ error: { code: 'invalid_state' } });
    await native.add({
      ids: ['a', 'b', 'c'],
      embeddings: [
        [1, 0],
        [2, 0],
        [0, 1],
      ],
      metadatas: [{ n: 1, s: 'x' }, { n: 1.5, s: 'y' }, { n: -2 }],
      documents: ['text a', 'text b', 'text c'],
    });
    expect((await backend.vectors.listCollections()).items).toEqual([
      {
        name: 'theirs',
        dimension: 2,
        metric: 'dot_product',
        count: 3,
        indexType: 'hnsw',
        fields: {},
        metadata: { owner: 'else' },
      },
    ]);
    const theirs = backend.vectors.collection('theirs');
    expect((await theirs.get(['a']))[0]).toEqual({
      id: 'a',
      vector: [1, 0],
      content: 'text a',
      metadata: { n: 1, s: 'x' },
    });
    const ids = async (filter: object): Promise<readonly string[]> =>
      (await theirs.search({ vector: [1, 0], filter: filter as never })).map(({ document }) => document.id);
    expect(await ids({ n: 1.5 })).toEqual(['b']);
    expect(await ids({ s: { $exists: false } })).toEqual(['c']);
    expect(await ids({ s: { $startsWith: 'x' } })).toEqual(['a']);
    expect(await outcome(theirs.upsert([{ id: 'd', vector: [1, 1] }]))).toMatchObject({
      error: { code: 'invalid_state', applied: 'no' },
    });
    expect(await outcome(backend.vectors.createCollection('theirs', { dimension: 2 }))).toMatchObject({
      error: { code: 'already_exists' },
    });
    expect(await theirs.deleteWhere({ n: { $gt: 1 } } as never)).toBe(1);
    expect(await native.count()).toBe(2);
  });

  it('makes tenant and database once when two processes open at once, and one collection of each name', async () => {
    const names = Array.from({ length: 5 }, () => freshDatabase());
    const source = new URL('../src/index.ts', import.meta.url).href;
    const opened = await inTwoProcesses({
      imports: `import { createChroma } from ${JSON.stringify(source)};`,
      create: `await (async () => {
        const backend = createChroma({ url: process.env.CHROMA_URL, tenant: name, database: name });
        await backend.open();
        await backend.vectors.createCollection('docs', { dimension: 2, ifAbsent: true });
        const docs = backend.vectors.collection('docs');
        await docs.namespace('n').upsert([{ id: String(process.pid), vector: [1, 2] }]);
        return { open: () => backend.open(), close: () => backend.close(), records: { store: () => docs.namespace('n').count() } };
      })()`,
      names,
      env: { CHROMA_URL: url },
    });
    expect(opened).toEqual([5, 5]);
    for (const name of names) {
      await using backend = createChroma({ url, tenant: name, database: name });
      await backend.open();
      expect((await backend.vectors.getCollection('docs'))?.count).toBe(2);
      await backend.vectors.deleteCollection('docs');
      await removeDatabase(url, name, name);
    }
  }, 60_000);

  it('leaves an injected client open', async () => {
    const client = new ChromaClient({ host, port: Number(port), ssl: false });
    const first = createChroma({ client });
    await first.open();
    await first.close();
    expect(await client.heartbeat()).toBeGreaterThan(0);
  });
});
