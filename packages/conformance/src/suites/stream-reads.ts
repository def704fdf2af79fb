import { equal, fail, ok, rejects } from '../assert.ts';
import { all, store } from '../needs.ts';
import type { AddTest } from '../suite.ts';
import { collect, pattern, pieces, read, streams } from './byte-patterns.ts';

/** Reading in chunks and ranges. */
export function streamReadTests(test: AddTest): void {
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
        await rejects(() => store.retrieveStream('k', { range }), 'invalid_argument', `range ${JSON.stringify(range)}`);
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
}
