import { writeConditionally } from '../conditions.ts';
import {
  answers,
  assertSameKey,
  sendNothing,
  sendRead,
  sendText,
  sendWritten,
  type VaultServer,
  type VaultStores,
} from '../face.ts';
import { notFound } from '../problems.ts';
import { CacheEntry, Conditions, Deleted, KeyPath, NewCacheEntry } from '../schemas.ts';
import { cacheText } from '../wire.ts';

const tags = ['cache'];

export function cacheRoutes(app: VaultServer, { kv }: Pick<VaultStores, 'kv'>): void {
  app.post(
    '/storage/cache/cleanup',
    { schema: { tags, summary: 'Remove what is expired', response: answers(200, Deleted) } },
    async (_request, reply) => sendText(reply, 200, `{"deleted":${await kv.sweep()}}`),
  );

  app.get(
    '/storage/cache/:key',
    {
      schema: {
        tags,
        summary: 'Get a cached value',
        params: KeyPath,
        headers: Conditions,
        response: answers(200, CacheEntry),
      },
    },
    async (request, reply) => {
      const { key } = request.params;
      const entry = await kv.entry(key);
      if (entry === undefined) throw notFound('cache entry', key);
      return sendRead(request, reply, entry.etag, cacheText(entry));
    },
  );

  app.put(
    '/storage/cache/:key',
    {
      schema: {
        tags,
        summary: 'Set a cached value, with a time to live',
        params: KeyPath,
        headers: Conditions,
        body: NewCacheEntry,
        response: answers(200, CacheEntry),
      },
    },
    async (request, reply) => {
      const { key } = request.params;
      assertSameKey('key', request.body.key, key);
      const { ttl } = request.body;
      const value = request.body.value as object;
      const ttlMs = typeof ttl === 'number' ? Math.round(ttl * 1000) : undefined;
      const entry = await writeConditionally({
        headers: request.headers,
        readEtag: async () => (await kv.entry(key))?.etag,
        creates: true,
        write: (condition) => kv.set(key, value, { ttlMs, ...condition }),
      });
      return sendWritten(reply, 200, entry.etag, cacheText(entry));
    },
  );

  app.delete(
    '/storage/cache/:key',
    {
      schema: {
        tags,
        summary: 'Delete a cached value',
        params: KeyPath,
        headers: Conditions,
        response: answers(204, undefined),
      },
    },
    async (request, reply) => {
      const { key } = request.params;
      const deleted = await writeConditionally({
        headers: request.headers,
        readEtag: async () => (await kv.entry(key))?.etag,
        creates: false,
        write: (condition) => kv.delete(key, condition),
      });
      if (!deleted) throw notFound('cache entry', key);
      return sendNothing(reply, 204);
    },
  );
}
