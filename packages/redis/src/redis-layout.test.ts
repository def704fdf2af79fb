import { describe, expect, it } from '@jest/globals';
import { RedisLayout } from './redis-layout.ts';

const layout = new RedisLayout('p:', 4);
const names = ['', 'a', 'a:b', 'a:1', '}', '{', 'a}', '{a}', '%7B', '%', 'a/b', 'é', '\r\n', '*', '[a]'];

/** What a cluster hashes of a key. */
function tagOf(key: string): string {
  const start = key.indexOf('{');
  return key.slice(start + 1, key.indexOf('}', start));
}

describe('RedisLayout', () => {
  it('has one tag for all keys of a bucket, and no two buckets with the same', () => {
    const tags = names.flatMap((ns) =>
      layout.of(ns).map((bucket) => {
        const { order, expiry, shapes, records, chunks } = bucket;
        const [tag, ...others] = new Set([order, expiry, shapes, `${records}k{x}`, `${chunks}v`].map(tagOf));
        expect(others).toEqual([]);
        return tag;
      }),
    );
    expect(new Set(tags).size).toBe(names.length * 4);
  });

  it('reads namespace and key off the name of a record', () => {
    for (const ns of names) {
      for (const key of ['k', '}', '{', ':', 'r:', 'a}r:b', '\r\n', '*'])
        expect(layout.parse(layout.bucketOf(ns, key).records + key)).toEqual({ ns, key });
    }
    for (const other of ['q:{a:0}r:k', 'p:{a:0}order', 'p:{a}r:k', 'p:r:k'])
      expect(layout.parse(other)).toBeUndefined();
  });

  it('spreads keys over its buckets, always the same way', () => {
    const used = new Set(Array.from({ length: 100 }, (_, index) => layout.bucketOf('a', `k${index}`).number));
    expect(used.size).toBe(4);
    expect(new RedisLayout('q:', 4).bucketOf('a', 'k7').number).toBe(layout.bucketOf('a', 'k7').number);
  });

  it('writes patterns that mean themselves', () => {
    expect(new RedisLayout('p*?', 1).pattern('a[b]^', false)).toBe('p\\*\\?{a\\[b\\]\\^:*}r:*');
    expect(layout.pattern('', true)).toBe('p:{*:*}r:*');
  });
});
