import { describe, expect, it } from '@jest/globals';
import { StorageError } from '@storage/core';
import { makeCall, unboundedCall } from './call.ts';
import type { RowOutcome } from './record-driver.ts';
import { SyncCoalescer } from './sync-coalescer.ts';

interface Put {
  readonly id: string;
  readonly value: number;
}

function outcomes(batch: readonly Put[], data: Map<string, number>): RowOutcome<number>[] {
  return batch.map(({ id, value }) => {
    data.set(id, value);
    return { ok: true, value };
  });
}

/** A coalescer over a map; `data` holds what is committed. */
function setUp(): { coalescer: SyncCoalescer<Put, number>; data: Map<string, number>; batches: (readonly Put[])[] } {
  const data = new Map<string, number>();
  const batches: (readonly Put[])[] = [];
  const coalescer = new SyncCoalescer<Put, number>({
    run: (batch) => {
      batches.push(batch);
      return outcomes(batch, data);
    },
  });
  return { coalescer, data, batches };
}

const put = (coalescer: SyncCoalescer<Put, number>, id: string, value: number, call = unboundedCall): Promise<number> =>
  coalescer.write(id, { id, value }, call);

describe('SyncCoalescer', () => {
  it('carries the writes of one turn out as one batch and answers each', async () => {
    const { coalescer, batches } = setUp();
    const answers = Promise.all([put(coalescer, 'a', 1), put(coalescer, 'b', 2), put(coalescer, 'a', 3)]);
    expect(batches).toHaveLength(0);
    await expect(answers).resolves.toEqual([1, 2, 3]);
    expect(batches.map((batch) => batch.map(({ id, value }) => `${id}${value}`))).toEqual([['a1', 'b2', 'a3']]);
    expect(coalescer.idle).toBe(true);
  });

  it('lets a read of a queued key wait for its write and runs others at once', async () => {
    const { coalescer, data } = setUp();
    const written = put(coalescer, 'a', 1);
    expect(coalescer.after('b', unboundedCall, () => data.get('b'))).toBeUndefined();
    const read = coalescer.after('a', unboundedCall, () => data.get('a'));
    const later = put(coalescer, 'a', 2);
    const again = coalescer.after('a', unboundedCall, () => data.get('a'));
    const all = coalescer.after(undefined, unboundedCall, () => data.size);
    await expect(Promise.all([written, read, later, again, all])).resolves.toEqual([1, 1, 2, 2, 1]);
  });

  it('gives each member its own outcome and all of them what the batch throws', async () => {
    const full = new StorageError({ code: 'quota_exceeded', message: 'full' });
    let broken = false;
    const coalescer = new SyncCoalescer<Put, number>({
      run: (batch) => {
        if (broken) throw full;
        return batch.map(({ value }) => (value < 0 ? { ok: false, error: full } : { ok: true, value }));
      },
    });
    const [first, second] = await Promise.allSettled([put(coalescer, 'a', -1), put(coalescer, 'b', 2)]);
    expect(first).toEqual({ status: 'rejected', reason: full });
    expect(second).toEqual({ status: 'fulfilled', value: 2 });
    broken = true;
    const both = await Promise.allSettled([put(coalescer, 'a', 1), put(coalescer, 'b', 2)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('takes a member out whose call is over before the flush', async () => {
    const { coalescer, data } = setUp();
    const controller = new AbortController();
    const left = put(coalescer, 'a', 1, makeCall({ signal: controller.signal }));
    const stays = put(coalescer, 'b', 2);
    controller.abort();
    await expect(left).rejects.toMatchObject({ code: 'aborted', applied: 'no' });
    await expect(stays).resolves.toBe(2);
    expect([...data.keys()]).toEqual(['b']);
  });

  it('lets a caller go while the engine is tried again, and ends the work when all have left', async () => {
    let over = false;
    const gate = new Promise<void>((resolve) => setTimeout(resolve, 20));
    const coalescer = new SyncCoalescer<Put, number>({
      run: async (batch, call) => {
        call.signal?.addEventListener('abort', () => {
          over = true;
        });
        await gate;
        return batch.map(({ value }) => ({ ok: true, value }));
      },
    });
    const first = new AbortController();
    const second = new AbortController();
    const calls = [
      put(coalescer, 'a', 1, makeCall({ signal: first.signal })),
      put(coalescer, 'b', 2, makeCall({ signal: second.signal })),
    ];
    const settled = Promise.allSettled(calls);
    await new Promise((resolve) => setImmediate(resolve));
    const queued = put(coalescer, 'a', 3, makeCall({ timeoutMs: 5 }));
    first.abort();
    await expect(calls[0]).rejects.toMatchObject({ code: 'aborted', applied: 'unknown' });
    expect(over).toBe(false);
    second.abort();
    await settled;
    expect(over).toBe(true);
    await expect(queued).rejects.toMatchObject({ code: 'timeout', applied: 'no' });
    await expect(coalescer.after('a', unboundedCall, () => 'free')).resolves.toBe('free');
  });

  it('splits what is more than a batch may hold, keeping the order of a key', async () => {
    const data = new Map<string, number>();
    const sizes: number[] = [];
    const coalescer = new SyncCoalescer<Put, number>({
      maxBatch: 3,
      run: (batch) => {
        sizes.push(batch.length);
        return outcomes(batch, data);
      },
    });
    const calls = Array.from({ length: 8 }, (_, index) => put(coalescer, `k${index % 2}`, index));
    await Promise.all(calls);
    expect(sizes).toEqual([3, 3, 2]);
    expect([...data]).toEqual([
      ['k0', 6],
      ['k1', 7],
    ]);
  });

  it('answers in program order per key, whatever is mixed and whether the engine answers at once', async () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return (seed >> 8) % below;
    };
    const data = new Map<string, number>();
    const coalescer = new SyncCoalescer<Put, number>({
      maxBatch: 5,
      run: (batch) =>
        random(3) === 0
          ? new Promise((resolve) => setImmediate(() => resolve(outcomes(batch, data))))
          : outcomes(batch, data),
    });
    const model = new Map<string, number>();
    const checks: Promise<void>[] = [];
    for (let step = 0; step < 3000; step++) {
      const id = `k${random(4)}`;
      if (random(2) === 0) {
        model.set(id, step);
        checks.push(put(coalescer, id, step).then((value) => expect(value).toBe(step)));
      } else if (random(3) === 0) {
        // A write on a condition: not gathered, and now and then it takes its time.
        model.set(id, step);
        const change = (): number => {
          data.set(id, step);
          return step;
        };
        const task = (): number | Promise<number> =>
          random(2) === 0 ? change() : new Promise((resolve) => setImmediate(() => resolve(change())));
        checks.push(
          Promise.resolve(coalescer.after(id, unboundedCall, task)).then((value) => expect(value).toBe(step)),
        );
      } else {
        const expected = model.get(id);
        checks.push(
          Promise.resolve(coalescer.after(id, unboundedCall, () => data.get(id))).then((value) =>
            expect(value).toBe(expected),
          ),
        );
      }
      if (random(10) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(checks);
    expect(coalescer.idle).toBe(true);
  });
});
