import { getEventListeners } from 'node:events';
import { expect, it } from '@jest/globals';
import { outcome } from '@storage/core';
import type { FaultProxy, OwnService } from '@storage/services';
import { type FaultBackend, type FaultSubject, newPlace, proxyBefore, recovered } from './subject.ts';

/** A busy machine's share. What a call may take stands with the call. */
const limitMs = 60_000;

/**
 * Registers tests of single requests that meet a fault, for a backend that sends no write again whose outcome it can't find out.
 * A fault is aimed at the data or the key, which must stand as they are in the bytes of the request.
 */
export function requestFaults<B extends FaultBackend>(server: () => OwnService, subject: FaultSubject<B>): void {
  const direct = (): Promise<B> => subject.open(server().url, newPlace());

  async function lookAgain(backend: B): Promise<void> {
    if (subject.reconnects === true) expect(await recovered(backend)).toBe(true);
  }

  async function throughProxy(body: (backend: B, proxy: FaultProxy) => Promise<void>): Promise<void> {
    const { proxy, through } = await proxyBefore(server().url);
    await using _ = proxy;
    await using backend = await subject.open(through, newPlace());
    await body(backend, proxy);
  }

  const onProxy = (name: string, body: (backend: B, proxy: FaultProxy) => Promise<void>): void =>
    it(name, () => throughProxy(body), limitMs);

  it(
    'survives a stop and a start of the server',
    async () => {
      await using backend = await direct();
      const { records } = backend;
      await records.store('a', 1);
      await server().stop();
      const down = { ok: false, error: { code: 'unavailable', retryable: true } };
      expect(await outcome(records.store('b', 2, { timeoutMs: 5000 }))).toMatchObject(down);
      expect(await outcome(records.retrieve('a', { timeoutMs: 5000 }))).toMatchObject(down);
      // Without a deadline of their own too.
      const both = await Promise.all([outcome(records.store('b', 2)), outcome(records.retrieve('a'))]);
      expect(both).toMatchObject([down, down]);
      expect((await backend.health()).status).toBe('unhealthy');
      expect((await backend.health({ timeoutMs: 2000 })).status).toBe('unhealthy');
      await server().start();
      await lookAgain(backend);
      expect((await records.retrieve('a'))?.data).toBe(1);
      expect(await records.retrieve('b')).toBeUndefined();
      await records.store('b', 2);
    },
    limitMs,
  );

  onProxy(
    'says that a write may have been applied when its connection is cut before the request',
    async (backend, proxy) => {
      proxy.onNext('before-request', 'token-before');
      const ended = await outcome(backend.records.store('a', 'token-before', { timeoutMs: 5000 }));
      expect(ended).toMatchObject({ ok: false, error: { code: 'unavailable', applied: 'unknown' } });
      await lookAgain(backend);
      expect(await backend.records.retrieve('a')).toBeUndefined();
    },
  );

  onProxy('says the same when the reply is lost, and does not send the write again', async (backend, proxy) => {
    proxy.onNext('after-request', 'token-after');
    const ended = await outcome(backend.records.store('a', 'token-after', { timeoutMs: 5000 }));
    expect(ended).toMatchObject({ ok: false, error: { code: 'unavailable', applied: 'unknown' } });
    expect(proxy.struck).toBe(1);
    await lookAgain(backend);
    expect((await backend.records.retrieve('a'))?.data).toBe('token-after');
  });

  onProxy('finds its own conditional write when the reply is lost', async ({ records }, proxy) => {
    await subject.warmUp?.(records);
    proxy.onNext('after-request', 'token-absent');
    const { etag } = await records.store('a', 'token-absent', { ifAbsent: true, timeoutMs: 5000 });
    expect((await records.retrieve('a'))?.etag).toBe(etag);
    proxy.onNext('after-request', 'token-match');
    const second = await records.store('a', 'token-match', { ifMatch: etag, timeoutMs: 5000 });
    expect(await records.retrieve('a')).toMatchObject({ etag: second.etag, data: 'token-match' });
  });

  const resends = subject.resends ?? true;
  onProxy(
    `${resends ? 'sends' : 'does not send'} a conditional write again when the request was lost`,
    async (backend, proxy) => {
      const { records } = backend;
      await subject.warmUp?.(records);
      const first = await records.store('a', 'token-first', { ifAbsent: true });
      proxy.onNext('before-request', 'token-second');
      const ended = await outcome(records.store('a', 'token-second', { ifMatch: first.etag, timeoutMs: 5000 }));
      expect(proxy.struck).toBe(1);
      if (ended.ok) {
        expect(resends).toBe(true);
        expect(await records.retrieve('a')).toMatchObject({ etag: ended.value.etag, data: 'token-second' });
      } else {
        expect(resends).toBe(false);
        expect(ended.error).toMatchObject({ code: 'unavailable', applied: 'unknown' });
        await lookAgain(backend);
        expect(await records.retrieve('a')).toMatchObject({ etag: first.etag, data: 'token-first' });
      }
    },
  );

  onProxy('reads again when the reply to a read is lost', async ({ records }, proxy) => {
    await records.store('key-of-the-read', 1);
    proxy.onNext('after-request', 'key-of-the-read');
    expect((await records.retrieve('key-of-the-read', { timeoutMs: 5000 }))?.data).toBe(1);
  });

  onProxy(
    'ends calls on a stalled socket at their deadline, and goes on when it moves again',
    async ({ records }, proxy) => {
      await records.store('a', 1);
      proxy.stall();
      const start = performance.now();
      const [stored, read] = await Promise.all([
        outcome(records.store('a', 2, { timeoutMs: 300 })),
        outcome(records.retrieve('b', { timeoutMs: 300 })),
      ]);
      expect(performance.now() - start).toBeLessThan(2000);
      expect(stored).toMatchObject({ ok: false, error: { code: 'timeout' } });
      expect(read).toMatchObject({ ok: false, error: { code: 'timeout' } });
      proxy.resume();
      await records.store('c', 3, { timeoutMs: 5000 });
      expect((await records.retrieve('c'))?.data).toBe(3);
    },
  );

  onProxy('takes garbage for a lost connection', async (backend, proxy) => {
    for (let round = 0; round < 5; round++) {
      const data = `token-garbage-${round}`;
      proxy.onNext('garbage', data);
      const ended = await outcome(backend.records.store('a', data, { timeoutMs: 2000 }));
      expect(ended).toMatchObject({ ok: false, error: { applied: 'unknown' } });
      if (!ended.ok) expect(['unavailable', 'timeout']).toContain(ended.error.code);
      await lookAgain(backend);
      expect(await backend.records.retrieve('a')).toBeUndefined();
    }
  });

  it(
    'leaves no listener on a signal',
    async () => {
      await using backend = await direct();
      const { records } = backend;
      const { signal } = new AbortController();
      for (let index = 0; index < 50; index++) {
        await records.store(`k${index}`, index, { signal });
        await records.retrieve(`k${index}`, { signal, timeoutMs: 5000 });
      }
      await records.retrieveMany(['k1', 'k2', 'k3'], { signal });
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    },
    limitMs,
  );
}
