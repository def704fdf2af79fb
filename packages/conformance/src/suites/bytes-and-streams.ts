import type { RecordStore } from '@storage/core';
import { different, equal, fail, ok, rejects } from '../assert.ts';
import { all, records, store } from '../needs.ts';
import { defineSuite, type Suite } from '../suite.ts';

const bytes = records((flags) => flags.bytes);
const streams = store((flags) => flags.bytes);

function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) * 7 + seed) & 0xff);
}

async function* pieces(data: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

async function read(
  store: RecordStore,
  key: string,
  range?: { readonly offset: number; readonly length?: number },
): Promise<Uint8Array | undefined> {
  const record = await store.retrieveStream(key, range && { range });
  return record && collect(record.data);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Uint8Array.from(Buffer.concat(parts));
}

/** Bytes, and values that come and go in chunks. */
export const bytesAndStreamsSuite: Suite = defineSuite(
  'bytes-and-streams',
  records(() => true),
  (test) => {
    test('round-trips-bytes', 'bytes come back as they were, none of them and every value', bytes, async (t) => {
      const records = await t.keyed();
      for (const data of [
        new Uint8Array(0),
        pattern(256),
        Uint8Array.of(0),
        Uint8Array.of(0xff, 0xfe, 0, 0x80),
        new TextEncoder().encode('{"json":1}'),
        pattern(100_000),
      ]) {
        const info = await records.store('k', data);
        equal(
          [info.kind, info.size, info.contentType],
          ['bytes', data.length, 'application/octet-stream'],
          'kind, size and content type',
        );
        const record = (await records.retrieve<Uint8Array>('k')) ?? fail('the record is there');
        equal([record.kind, record.size], ['bytes', data.length], 'kind and size as retrieved');
        equal(Object.prototype.toString.call(record.data), '[object Uint8Array]', 'what data is');
        equal(Buffer.from(record.data).toString('hex'), Buffer.from(data).toString('hex'), `${data.length} bytes`);
      }
    });

    test('round-trips-views', 'a view of a larger buffer stores its own part alone', bytes, async (t) => {
      const records = await t.keyed();
      const whole = pattern(1000);
      await records.store('view', whole.subarray(100, 200));
      await records.store('buffer', Buffer.from('a small buffer lies in a shared pool'));
      equal((await records.retrieve<Uint8Array>('view'))?.data, whole.slice(100, 200), 'bytes of the view');
      const text = Buffer.from((await records.retrieve<Uint8Array>('buffer'))?.data ?? []).toString();
      equal(text, 'a small buffer lies in a shared pool', 'text of the Buffer');
    });

    test(
      'bytes-are-copies',
      'bytes that are changed after the call, or after they came back, do not change the record',
      bytes,
      async (t) => {
        const records = await t.keyed();
        const data = pattern(64);
        const pending = records.store('k', data);
        data.fill(0);
        await pending;
        const first = (await records.retrieve<Uint8Array>('k'))?.data ?? fail('the record is there');
        equal(first, pattern(64), 'bytes as they were at the call');
        first.fill(1);
        equal(
          (await records.retrieve<Uint8Array>('k'))?.data,
          pattern(64),
          'bytes after those that came back were changed',
        );
      },
    );

    test('kind-changes', 'bytes replace JSON and JSON replaces bytes', bytes, async (t) => {
      const records = await t.keyed();
      await records.store('k', { a: 1 });
      await records.store('k', pattern(10));
      equal((await records.retrieve('k'))?.kind, 'bytes', 'kind of bytes over JSON');
      await records.store('k', [1]);
      const record = await records.retrieve('k');
      equal(
        [record?.kind, record?.data, record?.contentType],
        ['json', [1], 'application/json'],
        'kind, data and content type of JSON over bytes',
      );
      await records.storeMany([
        { key: 'k', data: pattern(5) },
        { key: 'j', data: null },
      ]);
      equal(
        (await records.retrieveMany(['k', 'j'])).map((record) => record?.kind),
        ['bytes', 'json'],
        'kinds stored by storeMany',
      );
    });

    test(
      'no-bytes',
      'where bytes are not kept they are unsupported',
      records((flags) => !flags.bytes),
      async (t) => {
        const records = await t.keyed();
        await rejects(() => records.store('k', pattern(3)), 'unsupported', 'store of bytes');
        equal(await records.exists('k'), false, 'the record');
      },
    );

    test('bytes-are-no-text', 'retrieveText of bytes is invalid_state', streams, async (t) => {
      const store = await t.store();
      await store.store('k', pattern(3));
      await rejects(() => store.retrieveText('k'), 'invalid_state', 'retrieveText');
    });

    test('round-trips-streams', 'chunks of any size make one value', streams, async (t) => {
      const store = await t.store();
      for (const [size, chunk] of [
        [0, 1],
        [1, 1],
        [1000, 1],
        [700_000, 65_536],
        [524_288, 262_144],
        [600_001, 600_001],
        [300_000, 777],
      ] as const) {
        const data = pattern(size);
        const info = await store.storeStream('k', pieces(data, chunk));
        equal([info.kind, info.size], ['bytes', size], `kind and size of ${size} bytes`);
        equal(await read(store, 'k'), data, `${size} bytes in chunks of ${chunk}`);
        const record = await store.retrieve<Uint8Array>('k');
        equal([record?.size, record?.etag], [size, info.etag], 'size and etag as retrieve tells them');
        equal(record?.data, data, 'bytes as retrieve answers them');
      }
    });

    test(
      'stream-with-odd-chunks',
      'empty chunks and chunks that are used again by their source do no harm',
      streams,
      async (t) => {
        const store = await t.store();
        async function* source(): AsyncIterable<Uint8Array> {
          const reused = new Uint8Array(4);
          yield new Uint8Array(0);
          for (let round = 1; round <= 3; round++) {
            yield reused.fill(round);
            yield new Uint8Array(0);
          }
        }
        await store.storeStream('k', source());
        equal(await read(store, 'k'), Uint8Array.of(1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3), 'bytes');
      },
    );

    test('stream-options', 'storeStream takes the options of store', streams, async (t) => {
      const store = await t.store();
      const metadata = t.recordFlags.metadata ? { m: 1 } : {};
      await store.store('k', 1);
      await store.storeStream('k', pieces(pattern(10), 3), { metadata, contentType: 'image/x' });
      const record = await store.retrieve('k');
      equal([record?.metadata, record?.contentType], [metadata, 'image/x'], 'metadata and content type');
    });

    test(
      'stream-conditions',
      'storeStream takes the conditions of store, and a lost one changes nothing',
      all(
        streams,
        store((flags) => flags.conditionalStreams),
      ),
      async (t) => {
        const store = await t.store();
        const { etag } = await store.storeStream('k', pieces(pattern(10), 3), { ifAbsent: true });
        await rejects(
          () => store.storeStream('k', pieces(pattern(5), 1), { ifAbsent: true }),
          'already_exists',
          'ifAbsent',
        );
        await rejects(
          () => store.storeStream('k', pieces(pattern(5), 1), { ifMatch: 'never' }),
          'conflict',
          'another etag',
        );
        equal((await read(store, 'k'))?.length, 10, 'length of the record');
        const info = await store.storeStream('k', pieces(pattern(7), 2), { ifMatch: etag });
        different(info.etag, etag, 'etag of the new record');
        equal((await read(store, 'k'))?.length, 7, 'length of the new record');
        async function* racing(): AsyncIterable<Uint8Array> {
          yield pattern(3);
          await store.store('k', 'meanwhile');
        }
        await rejects(
          () => store.storeStream('k', racing(), { ifMatch: info.etag }),
          'conflict',
          'a record that changed meanwhile',
        );
        equal((await store.retrieve('k'))?.data, 'meanwhile', 'the record that came meanwhile');
      },
    );

    test(
      'no-stream-conditions',
      'where storeStream takes no conditions they are unsupported',
      all(
        streams,
        store((flags) => !flags.conditionalStreams),
      ),
      async (t) => {
        const store = await t.store();
        await rejects(
          () => store.storeStream('k', pieces(pattern(5), 1), { ifAbsent: true }),
          'unsupported',
          'ifAbsent',
        );
        await rejects(() => store.storeStream('k', pieces(pattern(5), 1), { ifMatch: 'x' }), 'unsupported', 'ifMatch');
        equal(await store.exists('k'), false, 'the record');
      },
    );

    test(
      'stream-expires',
      'a stream with ttl expires, and one without clears the expiry',
      all(
        streams,
        store((flags) => flags.ttl !== false),
      ),
      async (t) => {
        const store = await t.store();
        await store.storeStream('ends', pieces(pattern(10), 3), { ttlMs: t.clock.ttlMs });
        await store.store('stays', 1, { ttlMs: t.clock.ttlMs });
        await store.storeStream('stays', pieces(pattern(10), 3));
        await t.clock.advance(t.clock.ttlMs + t.clock.margin);
        equal(await store.retrieveStream('ends'), undefined, 'an expired stream');
        equal((await read(store, 'stays'))?.length, 10, 'length of the stream that stays');
      },
    );

    test(
      'ranges',
      'a range answers its bytes and no others, also across chunks and beyond the end',
      streams,
      async (t) => {
        const store = await t.store();
        const data = pattern(600_000);
        await store.storeStream('k', pieces(data, 100_000));
        await store.store('small', data.slice(0, 100));
        for (const [offset, length] of [
          [0, 10],
          [5, undefined],
          [262_140, 10],
          [262_144, 262_144],
          [0, 600_000],
          [599_999, 10],
          [0, 0],
          [600_000, 1],
          [700_000, undefined],
        ] as const) {
          const range = length === undefined ? { offset } : { offset, length };
          const end = length === undefined ? undefined : offset + length;
          equal(
            await read(store, 'k', range),
            data.slice(offset, end),
            `bytes from ${offset}, ${length ?? 'to the end'}`,
          );
          const small = data.slice(0, 100);
          equal(
            await read(store, 'small', range),
            small.slice(offset, end),
            `bytes of a small record from ${offset}, ${length ?? 'to the end'}`,
          );
        }
        const part = await store.retrieveStream('k', { range: { offset: 10, length: 5 } });
        equal(part?.size, 600_000, 'size is that of the whole');
        if (part !== undefined) await collect(part.data);
        for (const range of [{ offset: -1 }, { offset: 1.5 }, { offset: 0, length: -1 }, { offset: Number.NaN }]) {
          await rejects(
            () => store.retrieveStream('k', { range }),
            'invalid_argument',
            `range ${JSON.stringify(range)}`,
          );
        }
      },
    );

    test('streams-of-json', 'retrieveStream of JSON answers its text as UTF-8', store(), async (t) => {
      const store = await t.store();
      await store.store('k', { a: 'é😀', list: [1, 2] });
      const record = (await store.retrieveStream('k')) ?? fail('the record is there');
      equal(record.kind, 'json', 'kind');
      const whole = await collect(record.data);
      equal(whole.length, record.size, 'length and size');
      equal(JSON.parse(Buffer.from(whole).toString('utf8')), { a: 'é😀', list: [1, 2] }, 'JSON');
      equal(await read(store, 'k', { offset: 2, length: 3 }), whole.slice(2, 5), 'a range of the text');
    });

    test('stream-of-nothing', 'retrieveStream of no record is undefined', store(), async (t) => {
      const store = await t.store();
      equal(await store.retrieveStream('none'), undefined, 'answer');
    });

    test(
      'failed-stream-changes-nothing',
      'when the source fails the record stays as it was, whole',
      streams,
      async (t) => {
        const store = await t.store();
        const old = pattern(400_000, 3);
        await store.storeStream('k', pieces(old, 50_000));
        async function* failing(): AsyncIterable<Uint8Array> {
          yield pattern(300_000, 9);
          yield pattern(300_000, 9);
          throw new Error('the source is gone');
        }
        let failure: unknown;
        await store.storeStream('k', failing()).catch((error: unknown) => {
          failure = error;
        });
        ok(failure !== undefined, 'storeStream fails when its source does');
        equal(await read(store, 'k'), old, 'the record that was there');
        await store.storeStream('new', failing()).catch(() => undefined);
        equal(await store.exists('new'), false, 'a record that was not there');
        equal(await store.count(), 1, 'count');
      },
    );

    test(
      'unfinished-stream-is-unseen',
      'a record changes when the last chunk has arrived, not before',
      streams,
      async (t) => {
        const store = await t.store();
        await store.store('k', 'old');
        const seen: unknown[] = [];
        async function* source(): AsyncIterable<Uint8Array> {
          for (let round = 0; round < 4; round++) {
            yield pattern(200_000);
            seen.push((await store.retrieve('k'))?.data);
          }
        }
        await store.storeStream('k', source());
        equal(seen, ['old', 'old', 'old', 'old'], 'what a reader met meanwhile');
        equal((await store.retrieve('k'))?.size, 800_000, 'size afterwards');
      },
    );

    test('bad-chunks', 'a chunk that is no bytes is refused, and nothing changes', streams, async (t) => {
      const store = await t.store();
      await store.store('k', 'old');
      async function* source(): AsyncIterable<Uint8Array> {
        yield pattern(10);
        yield 'text' as never;
      }
      await rejects(() => store.storeStream('k', source()), 'invalid_argument', 'a chunk of text');
      await rejects(() => store.storeStream('k', [1, 2] as never), 'invalid_argument', 'a source that is no stream');
      equal((await store.retrieve('k'))?.data, 'old', 'the record');
    });

    test(
      'replaced-while-read',
      'a record that is replaced while one reads it fails with conflict, or is read as it was',
      streams,
      async (t) => {
        const store = await t.store();
        const old = pattern(1_500_000, 5);
        await store.storeStream('k', pieces(old, 100_000));
        const record = (await store.retrieveStream('k')) ?? fail('the record is there');
        const parts: Uint8Array[] = [];
        try {
          for await (const chunk of record.data) {
            if (parts.length === 0) await store.storeStream('k', pieces(pattern(1_500_000, 9), 100_000));
            parts.push(chunk);
          }
        } catch (error) {
          await rejects(() => Promise.reject(error), 'conflict', 'reading on');
          return;
        }
        ok(Buffer.concat(parts).equals(old), 'the bytes are those of the old record');
      },
    );

    test(
      'deleted-while-streamed',
      'a record that was streamed is deleted whole and stored anew',
      streams,
      async (t) => {
        const store = await t.store();
        await store.storeStream('k', pieces(pattern(600_000), 100_000));
        equal(await store.delete('k'), true, 'delete');
        equal(await store.retrieveStream('k'), undefined, 'the record');
        await store.store('k', pattern(5));
        equal(await read(store, 'k'), pattern(5), 'bytes of a smaller record under the key');
      },
    );

    test(
      'streams-in-pieces',
      'a large value comes in pieces of bounded size',
      all(
        streams,
        store((flags) => flags.streams),
      ),
      async (t) => {
        const store = await t.store();
        const size = Math.min(t.recordFlags.maxValueBytes, 4 * 1024 * 1024);
        await store.storeStream('k', pieces(pattern(size), 1_000_000));
        const record = (await store.retrieveStream('k')) ?? fail('the record is there');
        let largest = 0;
        let total = 0;
        for await (const chunk of record.data) {
          largest = Math.max(largest, chunk.length);
          total += chunk.length;
        }
        equal(total, size, 'bytes in all');
        ok(largest <= 1024 * 1024, `the largest piece has ${largest} bytes, over 1 MiB`);
      },
    );
  },
);
