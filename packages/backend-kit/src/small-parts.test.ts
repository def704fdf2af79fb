import { describe, expect, it } from '@jest/globals';
import { isStorageError, StorageError } from '@storage/core';
import { injectedClient, ownedClient } from './client.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { retryAfterMs } from './retry-after.ts';
import { createTranslator, translateNetwork } from './translate.ts';

describe('cursors', () => {
  const position = { key: 'k/é\n', sort: [true, 1.5, 'text', undefined] } as const;

  it('come back as they were, for the same query alone', () => {
    const cursor = encodeCursor('q1', position);
    expect(cursor).toMatch(/^[\w-]+$/);
    expect(decodeCursor('q1', cursor)).toEqual(position);
    expect(() => decodeCursor('q2', cursor)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it('are refused when any character changed, and when they are none', () => {
    const cursor = encodeCursor('q', position);
    for (let at = 0; at < cursor.length; at++) {
      const changed = cursor.slice(0, at) + (cursor[at] === 'A' ? 'B' : 'A') + cursor.slice(at + 1);
      expect(() => decodeCursor('q', changed)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    }
    for (const none of ['', 'x', `${cursor}=`, `${cursor}AA`, ` ${cursor}`, 5, null, 'A'.repeat(100_000)]) {
      expect(() => decodeCursor('q', none)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    }
  });

  it('refuse to continue behind a long sort value', () => {
    expect(() => encodeCursor('q', { key: 'k', sort: ['é'.repeat(129)] })).toThrow(
      expect.objectContaining({ code: 'too_large', details: { limit: 256, actual: 258 } }),
    );
    expect(() => encodeCursor('q', { key: 'k', sort: ['é'.repeat(128)] })).not.toThrow();
  });
});

describe('createTranslator', () => {
  const translate = createTranslator('fake', (error) =>
    error.code === '23505' ? { code: 'conflict', message: 'Taken.' } : translateNetwork(error),
  );
  const site = { operation: 'records.store', key: 'k', write: true };

  it('passes its own errors on and names what it knows', () => {
    const own = new StorageError({ code: 'conflict', message: 'm' });
    expect(translate(own, site)).toBe(own);
    const native = { code: 23505 };
    expect(translate(native, site)).toMatchObject({
      code: 'conflict',
      message: 'Taken.',
      backend: 'fake',
      operation: 'records.store',
      key: 'k',
      applied: 'no',
      cause: native,
    });
    expect(translate({ code: 'ECONNREFUSED' }, site)).toMatchObject({ code: 'unavailable', applied: 'no' });
    expect(translate({ code: 'ECONNRESET' }, site)).toMatchObject({
      code: 'unavailable',
      applied: 'unknown',
      retryable: true,
    });
    expect(translate({ code: 'ECONNRESET' }, { ...site, write: false }).applied).toBeUndefined();
  });

  it.each([['text'], [undefined], [null], [new Error('secret')]])(
    'makes internal of %p, and keeps its text to itself',
    (thrown) => {
      const error = translate(thrown, site);
      expect(isStorageError(error, 'internal')).toBe(true);
      expect(error).toMatchObject({ applied: 'unknown' });
      expect(error.cause).toBe(thrown);
      expect(error.message).not.toContain('secret');
    },
  );
});

describe('clients', () => {
  it('of our own are made once, made again after a failure, and closed', async () => {
    const log: string[] = [];
    let failing = true;
    const holder = ownedClient(
      async () => {
        log.push('make');
        await Promise.resolve();
        if (failing) throw new Error('no');
        return { id: log.length };
      },
      () => void log.push('close'),
    );
    await holder.close();
    await expect(Promise.all([holder.get(), holder.get()])).rejects.toThrow('no');
    failing = false;
    const [a, b] = await Promise.all([holder.get(), holder.get()]);
    expect(a).toBe(b);
    expect(holder.peek()).toBe(a);
    await Promise.all([holder.close(), holder.close()]);
    expect(log).toEqual(['make', 'make', 'close']);
    expect(holder.peek()).toBeUndefined();
  });

  it('of the user are left open', async () => {
    const client = {};
    const holder = injectedClient(client);
    expect(await holder.get()).toBe(client);
    await holder.close();
    expect([holder.owned, holder.peek()]).toEqual([false, client]);
  });
});

describe('Retry-After', () => {
  it.each<[string | null, number | undefined]>([
    ['30', 30_000],
    ['0.5', 500],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
    [null, undefined],
  ])('%j is %p milliseconds', (header, expected) => expect(retryAfterMs(header)).toBe(expected));
});
