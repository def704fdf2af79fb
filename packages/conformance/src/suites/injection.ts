import type { RecordStore, VectorCollection } from '@storage/core';
import { isStorageError } from '@storage/core';
import { joinPath } from '@storage/core/filter';
import { equal, fail, ok, sameSet } from '../assert.ts';
import type { TestContext } from '../context.ts';
import { all, keyed, lists, queries, records, store, vectors } from '../needs.ts';
import { untyped } from '../properties/filter-properties.ts';
import { defineSuite, type Suite } from '../suite.ts';

/** Text that means something to one engine or another when it is not kept apart from its language. */
const payloads: readonly string[] = [
  "'; DROP TABLE records; --",
  "' OR '1'='1",
  '" OR ""="',
  "') OR 1=1 --",
  "a'||'b",
  "\\'; --",
  '`id`',
  '$(id)',
  `$\{7*7}`,
  '{{7*7}}',
  '%00',
  '%',
  '_',
  "%' OR 1=1 --",
  '"; return true; var x="',
  '$where',
  '{"$gt":""}',
  '$.a',
  '$."a"',
  "'$.a'",
  '"a"."b"',
  '*',
  '?',
  '[a-z]*',
  '../../etc/passwd',
  '..\\..\\x',
  '/etc/passwd',
  'a\r\nDEL k\r\n',
  '*1\r\n$4\r\nPING\r\n',
  '}) DETACH DELETE n //',
  '\\u0027',
  '\u02bc OR 1',
  'ʼ; --',
  '|(@a:{*})',
  '@a:[-inf +inf]',
  'a]b[c',
  '<script>',
  '__proto__',
  'constructor.prototype',
  'a=b&c=d',
  '#{x}',
  ';',
  '--',
  '/*',
  'null',
  "x' AND (SELECT 1) --",
];

async function canary(store: RecordStore): Promise<void> {
  await store.storeMany([
    { key: 'canary', data: { a: 1, safe: true } },
    { key: 'other', data: { a: 2 } },
  ]);
}

/** Keys of a query; none where its path or text is refused with `invalid_argument`. */
async function found(call: Promise<{ readonly items: readonly { readonly key: string }[] }>): Promise<string[]> {
  try {
    return (await call).items.map((item) => item.key);
  } catch (error) {
    if (isStorageError(error, 'invalid_argument')) return [];
    throw error instanceof Error ? fail(`neither an answer nor invalid_argument: ${error.message}`) : error;
  }
}

/** What a call answers that must not fail whatever the text. */
async function answered<T>(call: Promise<T>, what: string): Promise<T> {
  return call.catch((error: unknown) => fail(`${what} fails: ${String(error)}`));
}

async function unharmed(store: RecordStore): Promise<void> {
  equal((await store.retrieve('canary'))?.data, { a: 1, safe: true }, 'the canary');
  equal((await store.retrieve('other'))?.data, { a: 2 }, 'the other record');
}

const anyKeys = records((flags) => flags.keys === 'any');

/** Text stays text, wherever it stands. */
export const injectionSuite: Suite = defineSuite(
  'injection',
  () => true,
  (test) => {
    test(
      'keys-and-values',
      'text of any language comes back as it was, as key, value, member and metadata',
      all(keyed, anyKeys),
      async (t) => {
        const records = await t.keyed();
        for (const text of payloads) {
          await records.store(
            text,
            { [text]: text, list: [text] },
            { metadata: t.recordFlags.metadata ? { [text]: text } : {} },
          );
          const read = await records.retrieve(text);
          equal(read?.data, JSON.parse(JSON.stringify({ [text]: text, list: [text] })), `data of ${text}`);
          if (t.recordFlags.metadata)
            equal(read?.metadata, JSON.parse(JSON.stringify({ [text]: text })), `metadata of ${text}`);
        }
        const read = await records.retrieveMany(payloads);
        equal(read.filter(Boolean).length, payloads.length, 'how many records are there');
        for (const text of payloads) equal(await records.delete(text), true, `delete of ${text}`);
      },
    );

    test('values-under-plain-keys', 'text of any language comes back as it was, as a value', keyed, async (t) => {
      const records = await t.keyed();
      for (const [index, text] of payloads.entries())
        await records.store(`k${index}`, text, { contentType: 'text/plain' });
      for (const [index, text] of payloads.entries()) equal((await records.retrieve(`k${index}`))?.data, text, 'text');
    });

    test('prefixes', 'a prefix lists the keys that begin with it and no others', all(lists, anyKeys), async (t) => {
      const store = await t.store();
      await canary(store);
      for (const text of payloads) {
        equal((await store.list({ prefix: text })).items, [], `keys with the prefix ${text}`);
        await store.store(`${text}x`, 1);
        equal(
          (await store.list({ prefix: text })).items.map((entry) => entry.key),
          [`${text}x`],
          `keys with the prefix ${text} when there is one`,
        );
        await store.delete(`${text}x`);
      }
      await unharmed(store);
    });

    test('filter-operands', 'an operand is a value, whatever its text', queries, async (t) => {
      const store = await t.store();
      await canary(store);
      for (const text of payloads) {
        for (const filter of [
          { 'data.a': text },
          { 'data.a': { $in: [text, `${text}2`] } },
          { 'data.a': { $startsWith: text } },
          { 'data.a': { $gte: text } },
          { key: text },
        ])
          equal(await store.count({ filter: untyped(filter) }), 0, `count of ${JSON.stringify(filter)}`);
        equal(await store.count({ filter: untyped({ 'data.a': { $ne: text } }) }), 2, `count of $ne ${text}`);
        await store.store('probe', { a: text });
        equal(await found(store.query({ filter: untyped({ 'data.a': text }) })), ['probe'], `what is found by ${text}`);
        await store.delete('probe');
      }
      await unharmed(store);
    });

    test('filter-paths', 'a path names a key, whatever its text, or is refused', queries, async (t) => {
      const store = await t.store();
      await canary(store);
      for (const text of payloads) {
        const path = joinPath(['data', text]);
        equal(await found(store.query({ filter: untyped({ [path]: 1 }) })), [], `what the path ${path} finds`);
        sameSet(
          await found(store.query({ filter: untyped({ [path]: { $exists: false } }) })),
          ['canary', 'other'],
          `where the path ${path} does not exist`,
        );
        equal(
          await found(store.query({ filter: untyped({ [`data.${text}`]: 1 }) })),
          [],
          `what the path data.${text} finds, unescaped`,
        );
        equal(await found(store.query({ filter: untyped({ [text]: 1 }) })), [], `what the path ${text} finds`);
      }
      await unharmed(store);
    });

    test(
      'sort-and-select',
      'a path of sort or select names a key, whatever its text, or is refused',
      all(
        queries,
        store((flags) => flags.sort),
      ),
      async (t) => {
        const store = await t.store();
        await canary(store);
        for (const text of payloads) {
          const path = joinPath(['data', text]);
          equal(
            await found(store.query({ sort: [{ path, direction: 'desc' }] })),
            ['canary', 'other'],
            `the order by ${path}`,
          );
          const [record] = (await store.query({ select: [path] })).items;
          equal(record?.data, {}, `what ${path} selects`);
          const direction = text as 'asc';
          equal(await found(store.query({ sort: [{ path: 'data.a', direction }] })), [], `the direction ${text}`);
        }
        equal(({} as Record<string, unknown>)['safe'], undefined, 'Object.prototype');
        await unharmed(store);
      },
    );

    test(
      'delete-where',
      'deleteWhere deletes nothing for a text that means everything elsewhere',
      all(
        queries,
        store((flags) => flags.deleteWhere !== 'none'),
      ),
      async (t) => {
        const store = await t.store();
        await canary(store);
        for (const text of payloads) {
          equal(await store.deleteWhere(untyped({ 'data.a': text })), 0, `how many deleteWhere of ${text} deleted`);
          equal(
            await store.deleteWhere(untyped({ [joinPath(['data', text])]: { $exists: true } })),
            0,
            `how many deleteWhere of the path ${text} deleted`,
          );
        }
        await unharmed(store);
      },
    );

    test(
      'namespaces',
      'a namespace is a name, whatever its text',
      store((flags) => flags.namespaces),
      async (t) => {
        const root = await t.store();
        await canary(root);
        for (const text of payloads) {
          const place = root.namespace(text);
          equal(await answered(place.count(), `count in ${text}`), 0, `count in ${text}`);
          await place.store('k', text);
          equal((await place.retrieve('k'))?.data, text, `data in ${text}`);
          equal((await root.namespaces()).items, [text], 'namespaces');
          await place.dropNamespace({ recursive: true });
          equal((await root.namespaces()).items, [], 'namespaces afterwards');
        }
        await unharmed(root);
      },
    );

    test('cursors', 'a cursor made by hand is refused', lists, async (t) => {
      const store = await t.store();
      await canary(store);
      for (const text of [
        ...payloads,
        Buffer.from('{"key":"a"}').toString('base64url'),
        Buffer.from('["a",[]]').toString('base64'),
      ]) {
        const answer = await store.list({ cursor: text }).then(
          () => 'answered',
          (error: unknown) => isStorageError(error, 'invalid_argument'),
        );
        equal(answer, true, `whether the cursor ${text} is invalid_argument`);
      }
    });

    test(
      'etags',
      'an etag is a value, whatever its text',
      records((flags) => flags.conditional !== 'none'),
      async (t) => {
        const records = await t.keyed();
        await records.store('k', 1);
        for (const text of payloads) {
          const end = await records.store('k', 2, { ifMatch: text }).then(
            () => 'stored',
            (error: unknown) => isStorageError(error, 'conflict') || isStorageError(error, 'invalid_argument'),
          );
          equal(end, true, `whether ifMatch ${text} is refused`);
        }
        equal((await records.retrieve('k'))?.data, 1, 'data');
      },
    );

    test('vectors', 'ids, metadata and filters of vectors are values, whatever their text', vectors(), async (t) => {
      const collection = await collectionOf(t);
      await collection.upsert(
        payloads.map((text, index) => ({
          id: text,
          vector: [1, index + 1],
          content: text,
          metadata: { [text]: text, n: index },
        })),
      );
      const read = await collection.get(payloads);
      equal(
        read.map((document) => document?.content),
        payloads,
        'contents',
      );
      const check = async (text: string, index: number): Promise<void> => {
        equal(read[index]?.metadata, JSON.parse(JSON.stringify({ [text]: text, n: index })), `metadata of ${text}`);
        const filter = untyped({ [joinPath([text])]: text });
        const [matches, elsewhere] = await Promise.all([
          collection.search({ vector: [1, 1], limit: 10, filter }),
          collection.namespace(text).count(),
        ]);
        equal(
          matches.map((match) => match.document.id),
          [text],
          `matches of a filter of ${text}`,
        );
        equal(elsewhere, 0, `count of the namespace ${text}`);
      };
      await Promise.all(payloads.map(check));
      equal(await collection.count(), payloads.length, 'count');
      equal(await collection.delete(payloads.slice(0, 5)), 5, 'how many were deleted');
      ok((await collection.count()) === payloads.length - 5, 'count of what is left');
    });
  },
);

async function collectionOf(t: TestContext): Promise<VectorCollection> {
  const store = await t.vectors();
  await store.createCollection('c', { dimension: 2, metric: t.vectorFlags.metrics[0] });
  return store.collection('c');
}
