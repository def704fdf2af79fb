import { namespaceNames, type RecordStore } from '@storage/core';
import { equal, rejects, sameSet } from '../assert.ts';
import { all, lists, queries, store } from '../needs.ts';
import { defineSuite, type Suite } from '../suite.ts';

const namespaces = store((flags) => flags.namespaces);

/** Names that are easily taken for one another, or for something else. */
const oddNames: readonly string[] = [
  'a',
  'A',
  'ab',
  'acme',
  'acme-corp',
  'acme/corp',
  'acme~1corp',
  'acme~',
  '~',
  '~0',
  '~1',
  '/',
  '//',
  '.',
  '..',
  'a b',
  ' a',
  'a%',
  'a_',
  'a*',
  '%',
  "o'c",
  'q"t',
  'bs\\',
  '$d',
  '__proto__',
  'constructor',
  'é',
  'e\u0301',
  '😀',
  'a\nb',
  ':',
  'a:b',
  '{a}',
  '[a]',
  '0',
  'null',
];

async function keysOf(store: RecordStore): Promise<string[]> {
  return (await store.list({ limit: 1000 })).items.map((entry) => entry.key);
}

/** namespace, namespaces, dropNamespace. */
export const namespacesSuite: Suite = defineSuite('namespaces', store(), (test) => {
  test('apart', 'the same key in two namespaces and in the root is three records', namespaces, async (t) => {
    const root = await t.store();
    const a = root.namespace('a');
    const b = root.namespace('b');
    await root.store('k', 'root');
    await a.store('k', 'a');
    equal(await b.retrieve('k'), undefined, 'the record in b');
    equal(await b.exists('k'), false, 'exists in b');
    await b.store('k', 'b');
    equal(
      [(await root.retrieve('k'))?.data, (await a.retrieve('k'))?.data, (await b.retrieve('k'))?.data],
      ['root', 'a', 'b'],
      'data',
    );
    equal(await a.delete('k'), true, 'delete in a');
    equal([await root.exists('k'), await a.exists('k'), await b.exists('k')], [true, false, true], 'what is left');
  });

  test('handles-are-equal', 'two handles of one namespace see the same records', namespaces, async (t) => {
    const root = await t.store();
    await root.namespace('a').namespace('b').store('k', 1);
    equal((await root.namespace('a').namespace('b').retrieve('k'))?.data, 1, 'data through another handle');
    equal(await root.namespace('b').namespace('a').exists('k'), false, 'the other way round');
    equal(await root.namespace('a').exists('k'), false, 'its parent');
  });

  test('odd-names', 'every name is a namespace of its own', namespaces, async (t) => {
    const root = await t.store();
    for (const name of oddNames) await root.namespace(name).store('k', name);
    for (const name of oddNames)
      equal((await root.namespace(name).retrieve('k'))?.data, name, `data in ${JSON.stringify(name)}`);
    sameSet((await root.namespaces({ limit: 1000 })).items, oddNames, 'namespaces');
  });

  test('slash-is-no-child', "a name with a slash is not a child's path", namespaces, async (t) => {
    const root = await t.store();
    await root.namespace('a').namespace('b').store('k', 'child');
    await root.namespace('a/b').store('k', 'slash');
    await root.namespace('a~1b').store('k', 'tilde');
    equal((await root.namespace('a').namespace('b').retrieve('k'))?.data, 'child', 'data in the child');
    equal((await root.namespace('a/b').retrieve('k'))?.data, 'slash', 'data in a/b');
    equal((await root.namespace('a~1b').retrieve('k'))?.data, 'tilde', 'data in a~1b');
  });

  test(
    'key-is-no-namespace',
    'a key that looks like a namespace and a key is in its own namespace',
    all(
      namespaces,
      store((flags) => flags.keys === 'any'),
    ),
    async (t) => {
      const root = await t.store();
      await root.namespace('a').store('k', 'inside');
      for (const key of ['a/k', 'a:k', 'a\u0001k', 'a\nk']) {
        await root.store(key, key);
        equal((await root.retrieve(key))?.data, key, `data of ${JSON.stringify(key)}`);
      }
      equal((await root.namespace('a').retrieve('k'))?.data, 'inside', 'data in the namespace');
      equal(await root.count(), 4, 'count of the root');
    },
  );

  test(
    'lists-are-confined',
    'lists, queries and counts see their own namespace alone',
    all(namespaces, lists),
    async (t) => {
      const root = await t.store();
      const places: readonly [RecordStore, string][] = [
        [root, 'root'],
        [root.namespace('acme'), 'acme'],
        [root.namespace('acme-corp'), 'corp'],
        [root.namespace('acme').namespace('x'), 'child'],
      ];
      for (const [place, name] of places)
        await place.storeMany([
          { key: `${name}1`, data: { n: 1 } },
          { key: `${name}2`, data: { n: 2 } },
        ]);
      for (const [place, name] of places) {
        sameSet(await keysOf(place), [`${name}1`, `${name}2`], `keys in ${name}`);
        equal(await place.count(), 2, `count in ${name}`);
        if (t.recordFlags.query === 'none') continue;
        sameSet(
          (await place.query({ filter: { 'data.n': { $gte: 1 } } })).items.map((record) => record.key),
          [`${name}1`, `${name}2`],
          `query in ${name}`,
        );
        equal(await place.count({ filter: { 'data.n': 1 } }), 1, `count of a filter in ${name}`);
        const met: string[] = [];
        for await (const record of place.iterate({ filter: { 'data.n': 2 } })) met.push(record.key);
        equal(met, [`${name}2`], `iterate in ${name}`);
      }
    },
  );

  test(
    'delete-where-is-confined',
    'deleteWhere deletes in its own namespace alone',
    all(
      namespaces,
      queries,
      store((flags) => flags.deleteWhere !== 'none'),
    ),
    async (t) => {
      const root = await t.store();
      const places = [root, root.namespace('a'), root.namespace('a-b'), root.namespace('a').namespace('c')];
      for (const place of places) await place.store('k', { n: 1 });
      equal(await root.namespace('a').deleteWhere({ 'data.n': 1 }), 1, 'how many were deleted');
      equal(await Promise.all(places.map((place) => place.exists('k'))), [true, false, true, true], 'what is left');
      equal(await root.deleteWhere({}), 1, 'how many the root deleted');
      equal(
        await Promise.all(places.map((place) => place.exists('k'))),
        [false, false, true, true],
        'what is left then',
      );
    },
  );

  test('batches-are-confined', 'batches work in their own namespace alone', namespaces, async (t) => {
    const root = await t.store();
    const a = root.namespace('a');
    await a.storeMany([
      { key: 'x', data: 1 },
      { key: 'y', data: 2 },
    ]);
    equal(
      (await root.retrieveMany(['x', 'y'])).map((record) => record?.data),
      [undefined, undefined],
      'read from the root',
    );
    equal(
      (await root.deleteMany(['x', 'y'])).map((outcome) => outcome.ok && outcome.value),
      [false, false],
      'deleted from the root',
    );
    equal(
      (await a.retrieveMany(['y', 'x'])).map((record) => record?.data),
      [2, 1],
      'read from the namespace',
    );
  });

  test(
    'conditions-are-confined',
    'ifAbsent asks about its own namespace alone',
    all(
      namespaces,
      store((flags) => flags.conditional !== 'none'),
    ),
    async (t) => {
      const root = await t.store();
      await root.store('k', 1);
      await root.namespace('a').store('k', 2, { ifAbsent: true });
      equal((await root.namespace('a').retrieve('k'))?.data, 2, 'data');
      await rejects(() => root.namespace('a').store('k', 3, { ifAbsent: true }), 'already_exists', 'ifAbsent again');
    },
  );

  test('lists-children', 'namespaces lists direct children, by code point, by their names', namespaces, async (t) => {
    const root = await t.store();
    for (const names of [['b'], ['a', 'deep', 'er'], ['c/d'], ['｡'], ['😀'], ['b', 'x']])
      await names.reduce((place, name) => place.namespace(name), root).store('k', 1);
    equal((await root.namespaces()).items, ['a', 'b', 'c/d', '｡', '😀'], 'children of the root');
    equal((await root.namespace('a').namespaces()).items, ['deep'], 'children of a');
    equal((await root.namespace('b').namespaces()).items, ['x'], 'children of b');
    equal((await root.namespace('c/d').namespaces()).items, [], 'children of c/d');
  });

  test(
    'lists-recursively',
    'recursive lists every namespace below that holds a record, as escaped paths',
    namespaces,
    async (t) => {
      const root = await t.store();
      for (const names of [['b'], ['a', 'deep', 'er'], ['a'], ['c/d', 'e~f']])
        await names.reduce((place, name) => place.namespace(name), root).store('k', 1);
      const below = (await root.namespaces({ recursive: true })).items;
      for (const names of [['b'], ['a', 'deep', 'er'], ['a'], ['c/d', 'e~f']]) {
        equal(
          below.some((path) => JSON.stringify(namespaceNames(path)) === JSON.stringify(names)),
          true,
          `${names.join(' > ')} is listed among ${below.join(' ')}`,
        );
      }
      equal(
        (await root.namespace('a').namespaces({ recursive: true })).items.includes('deep/er'),
        true,
        'deep/er is listed below a',
      );
      equal(
        (await root.namespace('a').namespaces({ recursive: true })).items.some((path) => path.startsWith('a/')),
        false,
        'paths are relative',
      );
    },
  );

  test('pages-of-names', 'namespaces come in pages', namespaces, async (t) => {
    const root = await t.store();
    const names = Array.from({ length: 12 }, (_, index) => `n${String(index).padStart(2, '0')}`);
    for (const name of names)
      await root.namespace(name).storeMany([
        { key: 'a', data: 1 },
        { key: 'b', data: 1 },
      ]);
    const listed: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await root.namespaces({ limit: 5, cursor });
      listed.push(...page.items);
      cursor = page.cursor;
    } while (cursor !== undefined && listed.length < 100);
    equal(listed, names, 'names of all pages');
  });

  test('empty-is-gone', 'a namespace without records is not listed', namespaces, async (t) => {
    const root = await t.store();
    root.namespace('never');
    await root.namespace('a').store('k', 1);
    equal((await root.namespaces()).items, ['a'], 'namespaces');
    await root.namespace('a').delete('k');
    equal((await root.namespaces()).items, [], 'namespaces after the delete of its only record');
  });

  test('drop', 'dropNamespace deletes its own records and none elsewhere', namespaces, async (t) => {
    const root = await t.store();
    const a = root.namespace('a');
    const others = [
      root,
      root.namespace('ab'),
      root.namespace('a%'),
      root.namespace('A'),
      root.namespace('a~'),
      a.namespace('child'),
    ];
    for (const place of [a, ...others])
      await place.storeMany([
        { key: 'k', data: 1 },
        { key: 'l', data: 2 },
      ]);
    const { deleted } = await a.dropNamespace();
    if (deleted !== undefined) equal(deleted, 2, 'deleted');
    equal(await a.exists('k'), false, 'the record in a');
    equal(
      await Promise.all(others.map((place) => place.exists('k'))),
      others.map(() => true),
      'records elsewhere',
    );
    await a.dropNamespace();
    await a.store('k', 3);
    equal((await a.retrieve('k'))?.data, 3, 'a namespace that was dropped is used again');
  });

  test('drop-recursively', 'recursive drops what is below as well, and nothing beside it', namespaces, async (t) => {
    const root = await t.store();
    const acme = root.namespace('acme');
    const inside = [acme, acme.namespace('x'), acme.namespace('x').namespace('y'), acme.namespace('50%')];
    const outside = [
      root,
      root.namespace('acme-corp'),
      root.namespace('acme/x'),
      root.namespace('acm'),
      root.namespace('ACME'),
      root.namespace('x').namespace('acme'),
      root.namespace('acme0'),
    ];
    for (const place of [...inside, ...outside]) await place.store('k', 1);
    const { deleted } = await acme.dropNamespace({ recursive: true });
    if (deleted !== undefined) equal(deleted, inside.length, 'deleted');
    equal(
      await Promise.all(inside.map((place) => place.exists('k'))),
      inside.map(() => false),
      'records inside',
    );
    equal(
      await Promise.all(outside.map((place) => place.exists('k'))),
      outside.map(() => true),
      'records outside',
    );
  });

  test('drop-wildcards', 'a name of wildcards drops itself and nothing that it would match', namespaces, async (t) => {
    const root = await t.store();
    const names = ['%', '_', '*', 'a%', 'a_', 'ax', 'ab', '?', '[a-z]', 'a'];
    for (const name of names) await root.namespace(name).namespace('sub').store('k', 1);
    for (const name of ['%', '_', '*', 'a_', '?', '[a-z]'])
      await root.namespace(name).dropNamespace({ recursive: true });
    sameSet((await root.namespaces()).items, ['a%', 'ab', 'ax', 'a'], 'namespaces left');
  });

  test('drop-root', 'dropNamespace of the root deletes the root, and all with recursive', namespaces, async (t) => {
    const root = await t.store();
    await root.store('k', 1);
    await root.namespace('a').store('k', 1);
    await root.dropNamespace();
    equal(
      [await root.exists('k'), await root.namespace('a').exists('k')],
      [false, true],
      'what is left after dropping the root alone',
    );
    await root.dropNamespace({ recursive: true });
    equal(await root.namespace('a').exists('k'), false, 'the record below after dropping all');
  });

  test('bad-names', 'a name that is empty, not text or too long is refused', namespaces, async (t) => {
    const root = await t.store();
    for (const name of ['', 'a\0b', '\ud800', 1 as never, undefined as never])
      await rejects(() => root.namespace(name), 'invalid_argument', `namespace(${JSON.stringify(name)})`, true);
    await rejects(() => root.namespace('x'.repeat(97)), 'too_large', 'a name of 97 bytes', true);
    await rejects(() => root.namespace('x'.repeat(90)).namespace('123456'), 'too_large', 'a path of 97 bytes', true);
    const longest = root.namespace('x'.repeat(90)).namespace('12345');
    await longest.store('k', 1);
    equal(await longest.exists('k'), true, 'a record in a namespace of 96 bytes');
  });

  test(
    'no-namespaces',
    'where there are no namespaces they are unsupported',
    store((flags) => !flags.namespaces),
    async (t) => {
      const root = await t.store();
      await rejects(() => root.namespace('a').store('k', 1), 'unsupported', 'namespace', true).catch(() =>
        rejects(() => root.namespace('a').store('k', 1), 'unsupported', 'store in a namespace'),
      );
      await rejects(() => root.namespaces(), 'unsupported', 'namespaces');
    },
  );
});
