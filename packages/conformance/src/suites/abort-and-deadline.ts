import { getEventListeners } from 'node:events';
import { isStorageError } from '@storage/core';
import { equal, fail, ok, rejects, within } from '../assert.ts';
import { sleep } from '../context.ts';
import { all, keyed, lists, queries, store, vectors } from '../needs.ts';
import { original } from '../settle.ts';
import { defineSuite, type Suite } from '../suite.ts';

/** A source that yields once and then stalls until it is closed. */
function stalling(): { readonly chunks: AsyncIterable<Uint8Array>; readonly closed: () => boolean } {
  let closed = false;
  let release: (() => void) | undefined;
  async function* source(): AsyncIterable<Uint8Array> {
    try {
      yield new Uint8Array(1000);
      await new Promise<void>((resolve) => {
        release = resolve;
        // The source ends by itself at last, so that nothing waits for ever.
        setTimeout(resolve, 5000).unref();
      });
    } finally {
      closed = true;
      release?.();
    }
  }
  return { chunks: source(), closed: () => closed };
}

/** Signals and time limits. */
export const abortAndDeadlineSuite: Suite = defineSuite(
  'abort-and-deadline',
  () => true,
  (test) => {
    test(
      'aborted-already',
      'a call with a signal that is aborted already is aborted, and does nothing',
      keyed,
      async (t) => {
        const backend = await t.open();
        const records = backend.records ?? fail('there are records');
        await records.store('old', 1);
        const reason = new Error('enough');
        const signal = AbortSignal.abort(reason);
        const error = await rejects(() => records.store('k', 1, { signal }), 'aborted', 'store');
        equal(error.applied, 'no', 'applied of a write that was never sent');
        equal(error.retryable, false, 'retryable');
        ok(error.cause === reason, "the cause is the signal's reason");
        await rejects(() => records.retrieve('old', { signal }), 'aborted', 'retrieve');
        await rejects(() => records.exists('old', { signal }), 'aborted', 'exists');
        await rejects(() => records.delete('old', { signal }), 'aborted', 'delete');
        await rejects(() => records.storeMany([{ key: 'k', data: 1 }], { signal }), 'aborted', 'storeMany');
        await rejects(() => records.retrieveMany(['old'], { signal }), 'aborted', 'retrieveMany');
        await rejects(() => records.deleteMany(['old'], { signal }), 'aborted', 'deleteMany');
        equal(
          (await records.retrieveMany(['k', 'old'])).map((record) => record?.data),
          [undefined, 1],
          'what is there',
        );
      },
    );

    test('aborted-already-store', 'every call of a record store takes a signal', all(lists, queries), async (t) => {
      const store = await t.store();
      await store.store('k', { n: 1 });
      const signal = AbortSignal.abort();
      await rejects(() => store.list({ signal }), 'aborted', 'list');
      await rejects(() => store.query({}, { signal }), 'aborted', 'query');
      await rejects(() => store.count({}, { signal }), 'aborted', 'count');
      await rejects(() => store.retrieveText('k', { signal }), 'aborted', 'retrieveText');
      await rejects(() => store.retrieveStream('k', { signal }), 'aborted', 'retrieveStream');
      await rejects(() => store.touch('k', { ttlMs: null, signal }), 'aborted', 'touch');
      await rejects(() => store.iterate({}, { signal })[Symbol.asyncIterator]().next(), 'aborted', 'iterate');
      if (t.recordFlags.deleteWhere !== 'none')
        await rejects(() => store.deleteWhere({}, { signal }), 'aborted', 'deleteWhere');
      if (t.recordFlags.namespaces) {
        await rejects(() => store.namespaces({ signal }), 'aborted', 'namespaces');
        await rejects(() => store.dropNamespace({ signal }), 'aborted', 'dropNamespace');
      }
      equal(await store.exists('k'), true, 'the record');
    });

    test('aborted-already-vectors', 'calls on vectors take a signal', vectors(), async (t) => {
      const store = await t.vectors();
      await store.createCollection('c', { dimension: 2, metric: t.vectorFlags.metrics[0] });
      const collection = store.collection('c');
      const signal = AbortSignal.abort();
      await rejects(() => collection.upsert([{ id: 'a', vector: [1, 2] }], { signal }), 'aborted', 'upsert');
      await rejects(() => collection.search({ vector: [1, 2] }, { signal }), 'aborted', 'search');
      await rejects(() => store.listCollections({ signal }), 'aborted', 'listCollections');
      await rejects(
        () => store.createCollection('d', { dimension: 2, metric: t.vectorFlags.metrics[0], signal }),
        'aborted',
        'createCollection',
      );
      equal(await collection.count(), 0, 'count');
    });

    test('bad-limits', 'a time limit that is no number of milliseconds over 0 is refused', keyed, async (t) => {
      const records = await t.keyed();
      for (const timeoutMs of [-1, Number.NaN, '5' as never]) {
        await rejects(() => records.store('k', 1, { timeoutMs }), 'invalid_argument', `timeoutMs ${timeoutMs}`);
        await rejects(
          () => records.retrieve('k', { timeoutMs }),
          'invalid_argument',
          `timeoutMs ${timeoutMs} of retrieve`,
        );
      }
      equal(await records.exists('k'), false, 'the record');
    });

    test(
      'unused-limits',
      'a signal that is never aborted and a limit that is not reached change nothing, and leave no listener',
      keyed,
      async (t) => {
        const records = await t.keyed();
        const { signal } = new AbortController();
        const options = { signal, timeoutMs: 60_000 };
        for (let round = 0; round < 20; round++) {
          await records.store('k', round, options);
          equal((await records.retrieve('k', options))?.data, round, 'data');
          await records.storeMany([{ key: 'a', data: 1 }], options);
          await records.retrieve('none', options);
        }
        await records.store('', 1, options).catch(() => undefined);
        equal(getEventListeners(signal, 'abort').length, 0, "listeners left at the caller's signal");
      },
    );

    test(
      'abort-never-lies',
      'a write that is aborted in flight is stored or not as its error says',
      keyed,
      async (t) => {
        const records = await t.keyed();
        for (let round = 0; round < 30; round++) {
          const controller = new AbortController();
          const key = `k${round}`;
          const write = records.store(key, round, { signal: controller.signal }).then(
            () => 'stored' as const,
            (error: unknown) => error,
          );
          if (round % 3 === 1) await Promise.resolve();
          if (round % 3 === 2) await new Promise((resolve) => setImmediate(resolve));
          controller.abort();
          const end = await write;
          await sleep(1);
          const there = await records.exists(key);
          if (end === 'stored') equal(there, true, 'a write that was acknowledged');
          else {
            const error = await rejects(() => Promise.reject(end), 'aborted', 'the write');
            ok(error.applied === 'no' || error.applied === 'unknown', `applied is stated, not ${error.applied}`);
            if (error.applied === 'no') equal(there, false, "a write whose error says applied: 'no'");
          }
        }
      },
    );

    test(
      'abort-frees-the-caller',
      'an abort in flight frees the caller at once',
      all(keyed, (capabilities) => capabilities.abort !== 'before-start'),
      async (t) => {
        const records = await t.keyed();
        const controller = new AbortController();
        const many = records.storeMany(
          Array.from({ length: 2000 }, (_, index) => ({ key: `k${index}`, data: index })),
          { signal: controller.signal },
        );
        controller.abort();
        const startedAt = performance.now();
        await rejects(() => many, 'aborted', 'a batch that was aborted in flight');
        ok(performance.now() - startedAt < 1000, 'the caller is free within a second');
      },
    );

    test('abort-after-the-end', 'an abort after a call has settled changes nothing', keyed, async (t) => {
      const records = await t.keyed();
      const controller = new AbortController();
      const info = await records.store('k', 1, { signal: controller.signal });
      controller.abort();
      await sleep(5);
      const read = await records.retrieve('k');
      equal([read?.data, read?.etag], [1, info.etag], 'data and etag');
    });

    test(
      'stalled-stream-times-out',
      'a stream whose source stalls ends at its time limit, and nothing changes',
      store((flags) => flags.bytes),
      async (t) => {
        const store = await t.store();
        await store.store('k', 'old');
        const source = stalling();
        const startedAt = performance.now();
        const error = await rejects(
          () => store.storeStream('k', source.chunks, { timeoutMs: 80 }),
          'timeout',
          'storeStream',
        );
        within(performance.now() - startedAt, 60, 3000, 'milliseconds that it took');
        ok(error.applied === 'no' || error.applied === 'unknown', `applied is stated, not ${error.applied}`);
        equal(error.retryable, true, 'retryable');
        equal((await store.retrieve('k'))?.data, 'old', 'the record');
        await store.store('k', 'new');
        equal((await store.retrieve('k'))?.data, 'new', 'the record after a later store');
      },
    );

    test(
      'stalled-stream-is-aborted',
      'a signal ends a stream whose source stalls, and nothing changes',
      store((flags) => flags.bytes),
      async (t) => {
        const store = await t.store();
        await store.store('k', 'old');
        const controller = new AbortController();
        const write = store.storeStream('k', stalling().chunks, { signal: controller.signal });
        const startedAt = performance.now();
        setTimeout(() => controller.abort(), 30);
        await rejects(() => write, 'aborted', 'storeStream');
        within(performance.now() - startedAt, 0, 3000, 'milliseconds that it took');
        equal((await store.retrieve('k'))?.data, 'old', 'the record');
        equal(await store.count(), 1, 'count');
        equal(getEventListeners(controller.signal, 'abort').length, 0, "listeners left at the caller's signal");
      },
    );

    test(
      'reading-is-aborted',
      'a signal ends an iteration between pages, and a stream between chunks',
      all(
        lists,
        queries,
        store((flags) => flags.bytes),
      ),
      async (t) => {
        const store = await t.store();
        await store.storeMany(Array.from({ length: 350 }, (_, index) => ({ key: `k${index}`, data: index })));
        const controller = new AbortController();
        let met = 0;
        const iterating = async (): Promise<void> => {
          for await (const _record of store.iterate({}, { signal: controller.signal }))
            if (++met === 10) controller.abort();
        };
        await rejects(iterating, 'aborted', 'iterate');
        ok(met < 350, `iterate ends before its end, after ${met} records`);
        async function* large(): AsyncIterable<Uint8Array> {
          for (let chunk = 0; chunk < 20; chunk++) yield new Uint8Array(200_000);
        }
        await store.storeStream('large', large());
        const reading = new AbortController();
        const record = (await store.retrieveStream('large', { signal: reading.signal })) ?? fail('the record is there');
        let bytes = 0;
        const read = async (): Promise<void> => {
          for await (const chunk of record.data) {
            bytes += chunk.length;
            reading.abort();
          }
        };
        if (t.recordFlags.streams) await rejects(read, 'aborted', 'reading on');
        else
          await read().catch((error: unknown) => ok(isStorageError(error, 'aborted'), 'reading on is aborted or done'));
        if (t.recordFlags.streams) ok(bytes < 4_000_000, `reading ends before the end, after ${bytes} bytes`);
      },
    );

    test(
      'no-time',
      'a call whose time is over before it begins is a timeout that was not applied',
      keyed,
      async (t) => {
        const records = await t.keyed();
        // So many at once that the last can't be reached within a millisecond; what is refused must not be there.
        const ends = await Promise.all(
          Array.from({ length: 1000 }, (_, index) =>
            records.store(`k${index}`, { text: 'x'.repeat(200) }, { timeoutMs: 1 }).then(
              () => undefined,
              (error: unknown) => error,
            ),
          ),
        );
        const there = await records.retrieveMany(ends.map((_, index) => `k${index}`));
        for (const [index, end] of ends.entries()) {
          if (end === undefined) ok(there[index] !== undefined, 'a write that was acknowledged is there');
          else {
            const error = await rejects(() => Promise.reject(end), 'timeout', 'a write without time');
            if (error.applied === 'no') equal(there[index], undefined, "a write whose error says applied: 'no'");
            else equal(error.applied, 'unknown', 'applied');
          }
        }
      },
    );

    test(
      'outage',
      'in an outage calls are unavailable or timeout within their limit, never a miss; afterwards they work again',
      all(keyed, (capabilities) => capabilities.abort !== 'before-start'),
      async (t) => {
        const backend = await t.open();
        const { outage } = t.harness;
        ok(outage !== undefined, 'the harness has `outage`, which this `abort` demands');
        const records = backend.records ?? fail('there are records');
        await records.store('k', 1);
        await outage.begin(original(backend));
        for (const [name, call] of [
          ['retrieve', () => records.retrieve('k', { timeoutMs: 2000 })],
          ['exists', () => records.exists('k', { timeoutMs: 2000 })],
          ['store', () => records.store('k', 2, { timeoutMs: 2000 })],
        ] as const) {
          const startedAt = performance.now();
          const error = await rejects(call, ['unavailable', 'timeout'], name);
          equal(error.retryable, true, `retryable of ${name}`);
          within(performance.now() - startedAt, 0, 4000, `milliseconds of ${name} with a limit of 2,000`);
          if (name === 'store')
            ok(error.applied === 'no' || error.applied === 'unknown', 'applied of a write is stated');
        }
        await outage.end(original(backend));
        let data: unknown;
        for (let attempt = 0; attempt < 100 && data === undefined; attempt++)
          data = (await records.retrieve('k', { timeoutMs: 1000 }).catch(() => sleep(100)))?.data;
        ok(data === 1 || data === 2, 'the record is there afterwards');
      },
    );
  },
);
