import { describe, expect, it } from '@jest/globals';
import { StorageError } from '@storage/core';
import { AsyncCoalescer, type Gathered } from './async-coalescer.ts';
import { type Call, makeCall, unboundedCall } from './call.ts';

interface Put {
  readonly id: string;
  readonly value: number;
}

const later = (ms = 0): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

class Server {
  readonly data = new Map<string, number>();
  readonly log: string[] = [];
  readonly coalescer = new AsyncCoalescer();
  delay: () => Promise<void> = () => later(1);
  /** Fails a batch of puts before or after it is applied. */
  before: (batch: readonly Put[]) => void = () => undefined;
  behind: (batch: readonly Put[]) => void = () => undefined;
  lastCall: Call | undefined;
  readonly put: Gathered<Put, number>;
  readonly get: Gathered<string, number | undefined>;

  constructor(
    options: { readonly idempotent?: boolean; readonly maxInFlight?: number; readonly maxBatch?: number } = {},
  ) {
    this.put = this.coalescer.lane<Put, number>({
      ...options,
      write: true,
      run: async (batch, call) => {
        this.log.push(`put ${batch.map(({ id, value }) => id + value)}`);
        this.lastCall = call;
        await this.delay();
        this.before(batch);
        for (const { id, value } of batch) this.data.set(id, value);
        this.behind(batch);
        return batch.map(({ value }) => ({ ok: true, value }));
      },
    });
    this.get = this.coalescer.lane<string, number | undefined>({
      ...options,
      write: false,
      run: async (batch) => {
        this.log.push(`get ${batch}`);
        await this.delay();
        return batch.map((id) => ({ ok: true, value: this.data.get(id) }));
      },
    });
  }

  store(id: string, value: number, call: Call = unboundedCall): Promise<number> {
    return this.put(id, { id, value }, call);
  }

  load(id: string): Promise<number | undefined> {
    return this.get(id, id, unboundedCall);
  }
}

const failure = (code: 'invalid_argument' | 'unavailable', applied: 'no' | 'unknown'): StorageError =>
  new StorageError({ code, message: code, applied });

describe('AsyncCoalescer', () => {
  it('sends a call alone at once, and what gathers meanwhile together, sorted', async () => {
    const server = new Server();
    const first = server.store('x', 1);
    expect(server.log).toEqual(['put x1']);
    await Promise.all([first, server.store('c', 3), server.store('a', 1), server.store('b', 2)]);
    expect(server.log).toEqual(['put x1', 'put a1,b2,c3']);
    await server.store('z', 9);
    expect(server.log.at(-1)).toBe('put z9');
  });

  it('lets those who call again go together', async () => {
    const server = new Server();
    const worker = async (id: string): Promise<void> => {
      for (let n = 0; n < 10; n++) await server.load(id);
    };
    await Promise.all(Array.from({ length: 64 }, (_, index) => worker(`k${index}`)));
    expect(server.log.length).toBeLessThanOrEqual(12);
  });

  it('has a key once in a batch, and the later call wait', async () => {
    const server = new Server();
    const values = await Promise.all([
      server.store('x', 0),
      server.store('a', 1),
      server.store('a', 2),
      server.store('b', 3),
      server.store('a', 4),
    ]);
    expect(values).toEqual([0, 1, 2, 3, 4]);
    expect(server.log).toEqual(['put x0', 'put a1,b3', 'put a2', 'put a4']);
  });

  it('reads what was written without awaiting, and shares reads of one key', async () => {
    const server = new Server();
    void server.store('a', 1);
    const reads = [server.load('a'), server.load('b'), server.load('a')];
    void server.store('a', 2);
    expect(await Promise.all([...reads, server.load('a')])).toEqual([1, undefined, 1, 2]);
    expect(server.log).toEqual(['put a1', 'get b', 'get a', 'put a2', 'get a']);
  });

  it('tries members one by one when the server refused the batch, and only then', async () => {
    const server = new Server();
    server.before = (batch) => {
      if (batch.some(({ value }) => value < 0)) throw failure('invalid_argument', 'no');
    };
    const gate = server.store('x', 0);
    const results = await Promise.allSettled([gate, server.store('a', 1), server.store('b', -1), server.store('c', 3)]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(server.log).toEqual(['put x0', 'put a1,b-1,c3', 'put a1', 'put b-1', 'put c3']);
    await later();
    server.log.length = 0;
    server.before = () => {
      throw failure('unavailable', 'no');
    };
    await Promise.allSettled([server.store('x', 0), server.store('a', 1), server.store('b', 1)]);
    expect(server.log).toEqual(['put x0', 'put a1,b1']);
  });

  it('repeats what was lost only where that is idempotent', async () => {
    const plain = new Server();
    plain.behind = () => {
      throw failure('unavailable', 'unknown');
    };
    await expect(plain.store('a', 1)).rejects.toMatchObject({ code: 'unavailable', applied: 'unknown' });
    expect(plain.log).toEqual(['put a1']);
    const idempotent = new Server({ idempotent: true });
    idempotent.behind = () => {
      if (idempotent.log.length === 1) throw failure('unavailable', 'unknown');
    };
    await expect(idempotent.store('a', 1)).resolves.toBe(1);
    const lost = new Server({ idempotent: true });
    lost.behind = plain.behind;
    lost.before = () => {
      if (lost.log.length === 2) throw failure('unavailable', 'no');
    };
    await expect(lost.store('a', 1)).rejects.toMatchObject({ applied: 'unknown' });
    expect(lost.log).toHaveLength(2);
  });

  it('takes a member out that leaves before it is sent, and lets one go that leaves after', async () => {
    const server = new Server();
    server.delay = () => later(15);
    const controllers = [new AbortController(), new AbortController(), new AbortController()] as const;
    const [sent, queued, stays] = controllers.map(({ signal }, index) =>
      server.store(`k${index}`, index, makeCall({ signal })),
    );
    controllers[1].abort();
    await expect(queued).rejects.toMatchObject({ code: 'aborted', applied: 'no' });
    controllers[0].abort();
    await expect(sent).rejects.toMatchObject({ code: 'aborted', applied: 'unknown' });
    expect(server.lastCall?.signal?.aborted).toBe(true);
    await expect(stays).resolves.toBe(2);
    expect(server.log).toEqual(['put k00', 'put k22']);
    await expect(server.store('k', 1, makeCall({ signal: AbortSignal.abort() }))).rejects.toMatchObject({
      applied: 'no',
    });
  });

  it('ends the server’s work only when all its callers have left', async () => {
    const server = new Server();
    server.delay = () => later(10);
    const gate = server.store('x', 0);
    const [a, b] = [new AbortController(), new AbortController()];
    const calls = Promise.allSettled([
      server.store('a', 1, makeCall({ signal: a.signal })),
      server.store('b', 2, makeCall({ signal: b.signal })),
    ]);
    await gate;
    await later();
    expect(server.log.at(-1)).toBe('put a1,b2');
    a.abort();
    expect(server.lastCall?.signal?.aborted).toBe(false);
    b.abort();
    expect(server.lastCall?.signal?.aborted).toBe(true);
    await calls;
  });

  it('runs tasks behind what came before and ahead of what comes later', async () => {
    const server = new Server();
    void server.store('a', 1);
    const task = server.coalescer.after('a', unboundedCall, async () => {
      await later(2);
      return server.data.get('a');
    });
    const write = server.store('a', 2);
    const scan = server.coalescer.after(undefined, unboundedCall, async () => server.data.size);
    expect(await Promise.all([task, write, scan])).toEqual([1, 2, 1]);
    await expect(server.coalescer.after('a', unboundedCall, () => Promise.reject(new Error('own')))).rejects.toThrow(
      'own',
    );
    await expect(server.coalescer.after(undefined, unboundedCall, async () => 7)).resolves.toBe(7);
  });

  it.each([
    [1, 1000],
    [3, 4],
  ])('keeps program order per key with %i batches of %i under way', async (maxInFlight, maxBatch) => {
    let seed = 11;
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return (seed >> 8) % below;
    };
    const server = new Server({ maxInFlight, maxBatch });
    server.delay = () =>
      new Promise((resolve) => (random(2) === 0 ? setImmediate(resolve) : process.nextTick(resolve)));
    server.before = (batch) => {
      if (batch.length > 1 && random(10) === 0) throw failure('invalid_argument', 'no');
    };
    const model = new Map<string, number>();
    const checks: Promise<void>[] = [];
    for (let step = 0; step < 3000; step++) {
      const id = `k${random(5)}`;
      const kind = random(5);
      if (kind < 2) {
        model.set(id, step);
        checks.push(server.store(id, step).then((value) => expect(value).toBe(step)));
      } else if (kind < 4) {
        const expected = model.get(id);
        checks.push(server.load(id).then((value) => expect(value).toBe(expected)));
      } else {
        const expected = model.get(id);
        model.set(id, step);
        const swap = async (): Promise<number | undefined> => {
          const before = server.data.get(id);
          await server.delay();
          server.data.set(id, step);
          return before;
        };
        checks.push(server.coalescer.after(id, unboundedCall, swap).then((value) => expect(value).toBe(expected)));
      }
      if (random(20) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(checks);
    expect(server.log.length).toBeLessThan(2700);
    for (const line of server.log) {
      const ids = line
        .slice(4)
        .split(',')
        .map((member) => member.slice(0, 2));
      expect(ids).toEqual([...new Set(ids)].sort());
    }
  });
});
