import { describe, expect, it } from '@jest/globals';
import { createHealth } from './health.ts';
import { createLifecycle } from './lifecycle.ts';
import { createTranslator } from './translate.ts';

const tick = (ms = 1): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('Lifecycle', () => {
  it('opens once for all who ask, and again after a failure', async () => {
    let opened = 0;
    const lifecycle = createLifecycle({
      backend: 'fake',
      open: async () => {
        opened++;
        await tick();
        if (opened === 1) throw new Error('no');
      },
      close: () => undefined,
    });
    expect(() => lifecycle.assertOpen()).toThrow(expect.objectContaining({ code: 'not_initialized' }));
    expect((await Promise.allSettled([lifecycle.open(), lifecycle.open()])).map(({ status }) => status)).toEqual([
      'rejected',
      'rejected',
    ]);
    expect(lifecycle.state).toBe('new');
    await Promise.all([lifecycle.open(), lifecycle.open()]);
    await lifecycle.open();
    expect(opened).toBe(2);
    expect(lifecycle.state).toBe('open');
  });

  it('gives an opening up when everybody has left, not before', async () => {
    const seen: string[] = [];
    const lifecycle = createLifecycle({
      backend: 'fake',
      open: (call) =>
        new Promise((_, reject) => {
          call.signal?.addEventListener('abort', () => {
            seen.push('given up');
            reject(new Error('given up'));
          });
        }),
      close: () => undefined,
    });
    const first = lifecycle.open({ timeoutMs: 5 });
    const second = lifecycle.open({ timeoutMs: 30 });
    await expect(first).rejects.toMatchObject({ code: 'timeout' });
    expect(seen).toEqual([]);
    await expect(second).rejects.toMatchObject({ code: 'timeout' });
    expect(seen).toEqual(['given up']);
    await tick();
    expect(lifecycle.state).toBe('new');
  });

  it('waits for what is in flight, refuses what comes, and closes once', async () => {
    let closed = 0;
    const lifecycle = createLifecycle({ backend: 'fake', open: () => undefined, close: () => void closed++ });
    await lifecycle.open();
    lifecycle.enter();
    const closing = Promise.all([lifecycle.close(), lifecycle.close()]);
    await tick();
    expect(closed).toBe(0);
    expect(() => lifecycle.assertOpen()).toThrow(expect.objectContaining({ code: 'closed' }));
    lifecycle.leave();
    await closing;
    await lifecycle.close();
    await lifecycle[Symbol.asyncDispose]();
    expect(closed).toBe(1);
    await expect(lifecycle.open()).rejects.toMatchObject({ code: 'closed' });
  });

  it('waits no longer than the deadline', async () => {
    let closed = 0;
    const lifecycle = createLifecycle({ backend: 'fake', open: () => undefined, close: () => void closed++ });
    await lifecycle.open();
    lifecycle.enter();
    await lifecycle.close({ timeoutMs: 10 });
    expect(closed).toBe(1);
    lifecycle.leave();
  });

  it('closes what was never opened without asking, and what is being opened after it is', async () => {
    let closed = 0;
    const fresh = createLifecycle({ backend: 'fake', open: () => undefined, close: () => void closed++ });
    await fresh.close();
    expect([fresh.state, closed]).toEqual(['closed', 0]);
    const opening = createLifecycle({ backend: 'fake', open: () => tick(10), close: () => void closed++ });
    const open = opening.open();
    await opening.close();
    await open;
    expect([opening.state, closed]).toEqual(['closed', 1]);
  });
});

describe('createHealth', () => {
  const translate = createTranslator('fake', ({ code }) =>
    code === 'DOWN' ? { code: 'unavailable', message: 'It is down.' } : undefined,
  );

  it('never rejects, whatever happens', async () => {
    const lifecycle = createLifecycle({ backend: 'fake', open: () => undefined, close: () => undefined });
    let check: () => Promise<{ readonly details?: { readonly [name: string]: unknown } }> = async () => ({
      details: { version: '1' },
    });
    const health = createHealth({ backend: 'fake', lifecycle, check: () => check(), translate, clock: () => 5 });
    expect(await health()).toMatchObject({
      name: 'fake',
      status: 'unknown',
      message: expect.stringContaining('open()'),
    });
    await lifecycle.open();
    expect(await health()).toEqual({
      name: 'fake',
      status: 'healthy',
      latencyMs: expect.any(Number),
      details: { version: '1' },
      checkedAt: new Date(5),
    });
    check = async () => {
      throw Object.assign(new Error('password'), { code: 'DOWN' });
    };
    expect(await health()).toMatchObject({ status: 'unhealthy', message: 'It is down.' });
    check = () => new Promise(() => undefined);
    expect(await health({ timeoutMs: 5 })).toMatchObject({
      status: 'unhealthy',
      message: expect.stringContaining('5 ms'),
    });
    expect(await health({ signal: AbortSignal.abort() })).toMatchObject({ status: 'unhealthy' });
    expect(await health({ timeoutMs: -1 })).toMatchObject({ status: 'unknown' });
    await lifecycle.close();
    expect(await health()).toMatchObject({ status: 'unhealthy', message: expect.stringContaining('closed') });
  });
});
