import { describe, expect, it } from '@jest/globals';
import { callOver, makeCall, raceCall, unboundedCall } from './call.ts';

describe('makeCall', () => {
  it('costs nothing without bounds', () => {
    expect(makeCall(undefined)).toBe(unboundedCall);
    expect(makeCall({})).toBe(unboundedCall);
    expect(unboundedCall.signal).toBeUndefined();
    expect(() => unboundedCall.check()).not.toThrow();
  });

  it.each([-1, 0, Number.NaN, Number.POSITIVE_INFINITY, '5' as never])('refuses a timeout of %p', (timeoutMs) => {
    expect(() => makeCall({ timeoutMs })).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it('hands the caller’s own signal on where there is no deadline', () => {
    const { signal } = new AbortController();
    expect(makeCall({ signal }).signal).toBe(signal);
  });

  it('tells aborted from timeout, with whatever reason', async () => {
    const aborted = makeCall({ signal: AbortSignal.abort('why'), timeoutMs: 1000 });
    expect(() => aborted.check()).toThrow(expect.objectContaining({ code: 'aborted', cause: 'why' }));
    expect(aborted.signal?.aborted).toBe(true);
    const late = makeCall({}, 5);
    expect(callOver(late)).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(callOver(late)).toMatchObject({ code: 'timeout', details: { timeoutMs: 5 }, retryable: true });
    expect(late.signal?.aborted).toBe(true);
  });

  it('merges signal and deadline, and lets both go at the end', async () => {
    const controller = new AbortController();
    const call = makeCall({ signal: controller.signal, timeoutMs: 60_000 });
    const merged = call.signal;
    controller.abort();
    expect(merged?.aborted).toBe(true);
    const other = new AbortController();
    const ended = makeCall({ signal: other.signal, timeoutMs: 5 });
    const { signal } = ended;
    ended.end();
    other.abort();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(signal?.aborted).toBe(false);
  });

  it('takes times longer than a timer can', () => {
    const call = makeCall({ timeoutMs: 2 ** 40 });
    expect(call.signal?.aborted).toBe(false);
    call.end();
  });
});

describe('raceCall', () => {
  it('lets the caller go while the work goes on', async () => {
    const work = new Promise<string>((resolve) => setTimeout(() => resolve('done'), 30));
    await expect(raceCall(work, makeCall({ timeoutMs: 5 }))).rejects.toMatchObject({ code: 'timeout' });
    await expect(raceCall(work, unboundedCall)).resolves.toBe('done');
    await expect(raceCall(Promise.reject(new Error('own')), makeCall({ timeoutMs: 50 }))).rejects.toThrow('own');
  });
});
