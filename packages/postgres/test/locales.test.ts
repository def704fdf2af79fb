// Order by code point in a database whose own order is a language's.
import { afterAll, describe, expect, it } from '@jest/globals';
import { checkConformance } from '@storage/conformance';
import type { Backend } from '@storage/core';
import { dropSchemas, onService, randomName } from '@storage/services/testing';
import pg from 'pg';
import { createPostgres } from '../src/index.ts';

/** Locales in which `a` stands before `B`, by provider; not every build and every system has them. */
const locales = [
  "LOCALE_PROVIDER icu ICU_LOCALE 'sv-SE'",
  "LOCALE_PROVIDER libc LOCALE 'en_US.utf8'",
  "LOCALE_PROVIDER libc LOCALE 'en_US.UTF-8'",
];

await onService('postgres', async ({ url, server, version, how }) => {
  const name = randomName('locale');
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  const reasons: string[] = [];
  let locale: string | undefined;
  for (const candidate of locales) {
    if (locale !== undefined) break;
    await admin.query(`CREATE DATABASE ${name} ENCODING 'UTF8' ${candidate} TEMPLATE template0`).then(
      () => {
        locale = candidate;
      },
      (error: unknown) => {
        reasons.push((error as Error).message);
      },
    );
  }
  afterAll(async () => {
    await admin.query(`DROP DATABASE IF EXISTS ${name}`);
    await admin.end();
  }, 30_000);

  describe('a database whose locale is not C', () => {
    if (locale === undefined) {
      it(`can't be made on this server: ${reasons.join('; ')}`, () => {
        expect(reasons).toHaveLength(locales.length);
      });
      return;
    }
    it(`keeps the order of code points under ${locale}`, async () => {
      const at = new URL(url);
      at.pathname = `/${name}`;
      const client = new pg.Client({ connectionString: at.href });
      await client.connect();
      // The database's own order is another one, or this would prove nothing.
      expect((await client.query("SELECT 'a' < 'B' AS other")).rows).toEqual([{ other: true }]);
      await client.end();
      const schemas = new WeakMap<Backend, string>();
      const openedIn = (schema: string, clock: (() => number) | undefined): Backend => {
        const backend = createPostgres({ url: at.href, schema, clock, fields: ['data.a', 'data.v', 'metadata.a'] });
        schemas.set(backend, schema);
        return backend;
      };
      const report = await checkConformance(
        {
          name: 'postgres-locale',
          server: { name: server, version, how },
          clock: true,
          create: ({ clock }) => openedIn(randomName('kit'), clock),
          reopen: (backend, { clock }) => openedIn(schemas.get(backend) ?? '', clock),
          destroy: (backend) => dropSchemas(at.href, [schemas.get(backend) ?? '']),
        },
        { only: ({ id }) => /^(sort|lists-and-cursors|filters|keys)\//.test(id) },
      );
      const results = report.suites.flatMap(({ tests }) => tests);
      expect(results.filter(({ passed }) => !passed)).toEqual([]);
      expect(results.length).toBeGreaterThan(30);
    }, 240_000);
  });
});
