import { different, equal, fail, ok, rejects } from '../assert.ts';
import { all, records, store } from '../needs.ts';
import { defineSuite, type Suite } from '../suite.ts';
import { bytes, pattern, pieces, read, streams } from './byte-patterns.ts';
import { streamReadTests } from './stream-reads.ts';

/** Bytes, and values that come and go in chunks. */
export const bytesAndStreamsSuite: Suite = defineSuite(
  'bytes-and-streams',
  records(() => true),
  (test) => {
    streamReadTests(test);

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
        const [one, two] = await records.retrieveMany<Uint8Array>(['k', 'k']);
        one?.data.fill(2);
        equal(two?.data, pattern(64), 'the same bytes asked for twice, after one was changed');
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
  },
);
