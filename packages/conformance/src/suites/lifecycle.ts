import type { Backend, KeyedRecords, StorageErrorCode } from '@storage/core';
import { equal, fail, ok, rejects } from '../assert.ts';
import { recordStoreOf } from '../context.ts';
import { keyed, lists, store } from '../needs.ts';
import { defineSuite, type Suite } from '../suite.ts';

/** The records of a backend that has some. */
function recordsOf({ records }: Backend): KeyedRecords {
  return records ?? fail('capabilities.records promises records, the backend has none');
}

/** Fails unless a call on each facet is refused with the code. */
async function expectRefusals(backend: Backend, code: StorageErrorCode): Promise<void> {
  const { records, vectors, messaging, transactions } = backend;
  if (records !== undefined) {
    await rejects(() => records.store('k', 1), code, 'store');
    await rejects(() => records.retrieve('k'), code, 'retrieve');
    await rejects(() => records.delete('k'), code, 'delete');
    await rejects(() => records.exists('k'), code, 'exists');
    await rejects(() => records.storeMany([{ key: 'k', data: 1 }]), code, 'storeMany');
    await rejects(() => records.retrieveMany(['k']), code, 'retrieveMany');
    await rejects(() => records.deleteMany(['k']), code, 'deleteMany');
  }
  if (vectors !== undefined) {
    await rejects(() => vectors.createCollection('c', { dimension: 2 }), code, 'createCollection');
    await rejects(() => vectors.listCollections(), code, 'listCollections');
    await rejects(() => vectors.collection('c').search({ vector: [1, 2] }), code, 'search');
  }
  if (messaging !== undefined) {
    await rejects(() => messaging.publish('c', 1), code, 'publish');
    await rejects(() => messaging.subscribe('c'), code, 'subscribe');
  }
  if (transactions !== undefined)
    await rejects(() => transactions.run([{ type: 'store', key: 'k', data: 1 }]), code, 'run');
}

/** Opening and closing. */
export const lifecycleSuite: Suite = defineSuite(
  'lifecycle',
  () => true,
  (test) => {
    test('before-open', 'a call before open is not_initialized', async (t) => {
      await expectRefusals(await t.create(), 'not_initialized');
    });

    test('after-close', 'a call after close is closed', async (t) => {
      const backend = await t.open();
      await backend.close();
      await expectRefusals(backend, 'closed');
      await rejects(() => backend.open(), 'closed', 'open');
    });

    test(
      'store-after-close',
      'every call of a record store is refused after close, through old handles too',
      store(),
      async (t) => {
        const backend = await t.open();
        const records = recordStoreOf(backend);
        const handle = t.recordFlags.namespaces ? records.namespace('a') : records;
        await handle.store('k', 1);
        await backend.close();
        await rejects(() => handle.store('k', 2), 'closed', 'store through a handle from before');
        await rejects(() => handle.retrieveText('k'), 'closed', 'retrieveText');
        await rejects(() => handle.retrieveStream('k'), 'closed', 'retrieveStream');
        await rejects(() => handle.touch('k', { ttlMs: null }), 'closed', 'touch');
        if (t.recordFlags.list !== 'none') await rejects(() => handle.list(), 'closed', 'list');
        if (t.recordFlags.query === 'none') return;
        await rejects(() => handle.query(), 'closed', 'query');
        await rejects(() => handle.count(), 'closed', 'count');
        await rejects(() => handle.iterate()[Symbol.asyncIterator]().next(), 'closed', 'iterate');
        if (t.recordFlags.deleteWhere !== 'none') await rejects(() => handle.deleteWhere({}), 'closed', 'deleteWhere');
      },
    );

    test('open-is-repeatable', 'open may be called again and at the same time', async (t) => {
      const backend = await t.create();
      await Promise.all([backend.open(), backend.open(), backend.open()]);
      await backend.open();
      equal((await backend.health()).status, 'healthy', 'status');
      if (backend.records !== undefined)
        equal((await backend.records.store('k', 1)).key, 'k', 'key of a record that is stored');
    });

    test('close-is-repeatable', 'close may be called again, at the same time, and before open', async (t) => {
      const backend = await t.open();
      await Promise.all([backend.close(), backend.close()]);
      await backend.close();
      const never = await t.create();
      await never.close();
      await rejects(() => never.open(), 'closed', 'open after close');
      await expectRefusals(never, 'closed');
    });

    test('disposal', 'disposing of a backend closes it', async (t) => {
      const backend = await t.open();
      await backend[Symbol.asyncDispose]();
      await expectRefusals(backend, 'closed');
    });

    test('creating-is-inert', 'a backend that is created and never opened leaves nothing to wait for', async (t) => {
      const before = process.getActiveResourcesInfo().length;
      const backend = await t.create();
      equal(backend.name.length > 0, true, 'it has a name');
      ok(process.getActiveResourcesInfo().length <= before + 1, 'no timer, socket or handle is left open by create');
    });

    test(
      'close-waits',
      'close waits for what is in flight: each such call succeeds or is refused, and none hangs',
      keyed,
      async (t) => {
        const backend = await t.open();
        const { records } = backend;
        if (records === undefined) return;
        const calls = Array.from({ length: 50 }, (_, index) =>
          records.store(`k${index}`, index).then(
            () => 'stored',
            (error: { code?: string }) => error.code,
          ),
        );
        const closing = backend.close();
        const ends = await Promise.all(calls);
        await closing;
        equal(
          ends,
          ends.map(() => 'stored'),
          'how calls ended that were made before close',
        );
        await rejects(() => records.store('late', 1), 'closed', 'a call after close');
      },
    );

    test('refused-while-closing', 'a call that is made while close waits is closed', keyed, async (t) => {
      const backend = await t.open();
      const { records } = backend;
      if (records === undefined) return;
      const before = records.store('before', 1);
      const closing = backend.close();
      await rejects(() => records.store('during', 1), 'closed', 'a call after close was called');
      await closing;
      equal((await before).key, 'before', 'the call that was in flight');
    });

    test(
      'persists',
      'what was written is there after close and a new open',
      ({ persistent }) => persistent,
      async (t) => {
        const backend = await t.open();
        if (t.capabilities.records !== false) {
          const info = await recordsOf(backend).store('k', { a: [1, 'é'] }, { metadata: { m: 1 } });
          const pending = Promise.all(
            Array.from({ length: 20 }, (_, index) => recordsOf(backend).store(`p${index}`, index)),
          );
          await backend.close();
          await pending;
          const again = await t.reopen(backend);
          await again.open();
          const read = await recordsOf(again).retrieve('k');
          equal(
            [read?.data, read?.etag, read?.createdAt],
            [{ a: [1, 'é'] }, info.etag, info.createdAt],
            'data, etag and createdAt',
          );
          equal(
            (await recordsOf(again).retrieveMany(Array.from({ length: 20 }, (_, index) => `p${index}`)))?.map(
              (record) => record?.data,
            ),
            Array.from({ length: 20 }, (_, index) => index),
            'records that were in flight at close',
          );
        }
      },
    );

    test(
      'persists-vectors',
      'collections are there after close and a new open',
      ({ persistent, vectors }) => persistent && vectors !== false,
      async (t) => {
        const backend = await t.open();
        await backend.vectors?.createCollection('c', {
          dimension: 2,
          metric: t.vectorFlags.metrics[0],
          metadata: { m: 1 },
          embeddingModel: 'm-1',
          fields: { n: 'number', 'a.b': 'date' },
        });
        await backend.vectors
          ?.collection('c')
          .upsert([{ id: 'a', vector: [1, 2], content: 'text', metadata: { n: 1 }, createdAt: new Date(86_400_000) }]);
        await backend.close();
        const again = await t.reopen(backend);
        await again.open();
        const told = await again.vectors?.getCollection('c');
        equal(
          [told?.metadata, told?.embeddingModel, told?.fields, told?.count],
          [{ m: 1 }, 'm-1', { n: 'number', 'a.b': 'date' }, 1],
          'metadata, model, fields and count of the collection',
        );
        equal(
          (await again.vectors?.collection('c').search({ vector: [1, 2] }))?.map((match) => match.document),
          [{ id: 'a', vector: [], content: 'text', metadata: { n: 1 }, createdAt: new Date(86_400_000) }],
          'documents',
        );
      },
    );

    test(
      'two-at-once',
      'two backends over one store see what the other wrote',
      ({ persistent, records }) => persistent && records !== false,
      async (t) => {
        const one = await t.open();
        const two = await t.reopen(one);
        await two.open();
        await recordsOf(one).store('a', 1);
        equal((await recordsOf(two).retrieve('a'))?.data, 1, 'what the first wrote, read through the second');
        await recordsOf(two).store('a', 2);
        equal((await recordsOf(one).retrieve('a'))?.data, 2, 'what the second wrote, read through the first');
        const counts = await Promise.all(
          [one, two].flatMap((backend) =>
            Array.from({ length: 25 }, (_, index) => recordsOf(backend).store(`k${index}`, backend.name)),
          ),
        );
        equal(counts.length, 50, 'writes of both at once');
      },
    );

    test(
      'two-at-once-vectors',
      'a search through one backend sees what was written through another',
      ({ persistent, vectors }) => persistent && vectors !== false,
      async (t) => {
        const one = await t.open();
        const two = await t.reopen(one);
        await two.open();
        await one.vectors?.createCollection('c', { dimension: 2, metric: t.vectorFlags.metrics[0] });
        for (let round = 1; round <= 3; round++) {
          await one.vectors?.collection('c').upsert([{ id: `d${round}`, vector: [1, round] }]);
          for (let again = 0; again < 3; again++) {
            const found = await two.vectors?.collection('c').search({ vector: [1, 1] });
            equal(found?.length, round, 'how many a search through the other finds');
          }
        }
      },
    );

    test(
      'opened-at-once',
      'backends that open one new store at the same time all succeed',
      ({ persistent }) => persistent,
      async (t) => {
        const first = await t.create();
        const others = await Promise.all([t.reopen(first), t.reopen(first), t.reopen(first)]);
        await Promise.all([first, ...others].map((backend) => backend.open({ timeoutMs: 10_000 })));
        equal(
          await Promise.all([first, ...others].map(async (backend) => (await backend.health()).status)),
          ['healthy', 'healthy', 'healthy', 'healthy'],
          'statuses',
        );
      },
    );

    test('fresh-is-empty', 'a fresh backend has nothing of another one', lists, async (t) => {
      await (await t.store()).store('k', 1);
      equal((await (await t.store()).list()).items, [], 'keys of the second backend');
    });

    test(
      'forgets',
      'a backend that is not persistent forgets at close, and a new one begins empty',
      ({ persistent, records }) => !persistent && records !== false,
      async (t) => {
        const backend = await t.open();
        await recordsOf(backend).store('k', 1);
        await backend.close();
        const again = await t.open();
        equal(await recordsOf(again).exists('k'), false, 'the record in a new backend');
      },
    );
  },
);
