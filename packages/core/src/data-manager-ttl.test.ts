import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { mapProvider } from '../test/map-provider.ts';
import { stubBackend } from '../test/stub-backend.ts';
import { DataManager } from './data-manager.ts';
import { createRegistry } from './registry.ts';

const empty = createRegistry();
const manager = (): DataManager => new DataManager({ registry: empty, env: {} });

afterEach(() => {
  jest.useRealTimers();
});

describe('time to live', () => {
  const seconds = (count: number): void => void jest.advanceTimersByTime(count * 1000);

  test.each([
    ['a backend that keeps expiry', () => stubBackend()],
    ['a backend that keeps none', () => stubBackend({ ttl: false })],
    ['a custom provider', () => mapProvider()],
    ['a vector provider', () => stubBackend({ facets: 'vectors' })],
  ])('metadata.ttl works on %s', async (_, backend) => {
    jest.useFakeTimers();
    const dm = manager().registerProvider('main', backend());
    const data = { vector: [1, 0.5], note: 'x' };
    const ref = await dm.store('main', data, { key: 'k', metadata: { ttl: 60, kind: 'session' } });
    expect(ref.metadata).toEqual({ ttl: 60, kind: 'session' });
    expect(ref.expiresAt).toEqual(new Date(Date.now() + 60_000));
    seconds(59);
    expect(await dm.retrieve(ref)).toEqual(data);
    expect((await dm.getRecordByKey('main', 'k'))?.expiresAt).toEqual(ref.expiresAt);
    expect(await dm.query('main', {})).toEqual([data]);
    seconds(1);
    await expect(dm.retrieve(ref)).rejects.toMatchObject({ code: 'expired', key: 'k' });
    await expect(dm.getRecord(JSON.parse(JSON.stringify(ref)))).rejects.toMatchObject({ code: 'expired' });
    expect(await dm.retrieveByKey('main', 'k')).toBeUndefined();
    expect(await dm.exists(ref)).toBe(false);
    if (backend().records === undefined) expect(await dm.search('main', [1, 1])).toEqual([]);
    // Stored again without one, it lives for ever.
    const again = await dm.store('main', data, { key: 'k' });
    seconds(1e6);
    expect(again.expiresAt).toBeUndefined();
    expect(await dm.query('main', {})).toEqual([data]);
  });

  test('ttlMs is the other way to say it', async () => {
    jest.useFakeTimers();
    const dm = manager().registerProvider('main', mapProvider());
    const ref = await dm.store('main', 1, { ttlMs: 5 });
    expect(ref.expiresAt).toEqual(new Date(Date.now() + 5));
    expect(ref.metadata).toEqual({});
  });

  test.each([
    [{ metadata: { ttl: 0 } }, /metadata\.ttl must be a number of seconds above 0/],
    [{ metadata: { ttl: -1 } }, /above 0/],
    [{ metadata: { ttl: '60' } }, /metadata\.ttl must be a number/],
    [{ metadata: { ttl: null } }, /metadata\.ttl must be a number/],
    [{ metadata: { ttl: Number.POSITIVE_INFINITY } }, /metadata\.ttl/],
    [{ metadata: { ttl: 1e12 } }, /at most 100 years/],
    [{ ttlMs: 0 }, /ttlMs must be a number of whole milliseconds above 0/],
    [{ ttlMs: 1.5 }, /whole milliseconds/],
    [{ ttlMs: Number.NaN }, /ttlMs/],
    [{ ttlMs: 5, metadata: { ttl: 5 } }, /both given; keep one/],
  ])('%j is refused', async (options, message) => {
    const dm = manager().registerProvider('main', mapProvider());
    await expect(dm.store('main', 1, options)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(message),
    });
  });

  test('a backend that keeps expiry is the judge of it, by its own clock', async () => {
    let now = 1000;
    const dm = manager().registerProvider('main', stubBackend({ clock: () => now }));
    await dm.store('main', 'x', { key: 'k', metadata: { ttl: 1 } });
    expect(await dm.retrieveByKey('main', 'k')).toBe('x');
    now = 2000;
    expect(await dm.retrieveByKey('main', 'k')).toBeUndefined();
  });

  test.each([
    [{ $expiresAt: 1, $data: 'mine' }],
    [{ $expiresAt: null, $data: { $expiresAt: 5, $data: 1 } }],
    [{ $expiresAt: 'x', $data: 1 }],
    [{ $expiresAt: 1, $data: 1, more: 1 }],
  ])('data that looks like what is kept inside comes back as it was: %j', async (data) => {
    const dm = manager().registerProvider('custom', mapProvider()).registerProvider('native', stubBackend());
    for (const provider of ['custom', 'native']) {
      expect(await dm.retrieve(await dm.store(provider, data))).toEqual(data);
      expect(await dm.retrieve(await dm.store(provider, data, { metadata: { ttl: 9 } }))).toEqual(data);
      expect(await dm.query(provider)).toEqual([data, data]);
    }
  });

  test('bytes on a provider without expiry are refused, not kept for ever', async () => {
    const dm = manager().registerProvider('main', mapProvider());
    const bytes = new Uint8Array(2);
    await expect(dm.store('main', bytes, { ttlMs: 5 })).rejects.toMatchObject({ code: 'unsupported' });
  });
});
