import { afterAll, describe, expect, it } from '@jest/globals';
import { outcome, type StorageError } from '@storage/core';
import { dropSchemas, onService, randomName } from '@storage/services/testing';
import pg from 'pg';
import { createPostgres, type PostgresOptions } from '../src/index.ts';

await onService('postgres', ({ url }) => {
  const { hostname: host, port: portText, username: user, password, pathname } = new URL(url);
  const port = Number(portText);
  const database = pathname.slice(1);
  const made: string[] = [];
  const roles: string[] = [];

  function ownSchema(): string {
    const schema = randomName('bad');
    made.push(schema);
    return schema;
  }

  async function admin(...statements: readonly string[]): Promise<void> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }

  /** A user that may log in and nothing else. */
  async function ownRole(options = ''): Promise<{ readonly user: string; readonly password: string }> {
    const name = randomName('role');
    await admin(
      `CREATE ROLE ${name} LOGIN PASSWORD 'other' ${options}`,
      `GRANT CONNECT ON DATABASE "${database}" TO ${name}`,
    );
    roles.push(name);
    return { user: name, password: 'other' };
  }

  async function refusal(options: PostgresOptions): Promise<StorageError> {
    await using backend = createPostgres(options);
    const end = await outcome(backend.open({ timeoutMs: 5000 }));
    if (end.ok) throw new Error('It was opened.');
    const { error } = end;
    // What may be logged has no secret in it.
    expect(`${error.message} ${JSON.stringify(error)}`).not.toMatch(/wrong-secret|postgres:\/\/[^ ]*@|'other'/);
    return error;
  }

  afterAll(async () => {
    await dropSchemas(url, made);
    for (const role of roles) await admin(`DROP OWNED BY ${role}`, `DROP ROLE ${role}`);
  }, 30_000);

  describe('what is wrong with the connection', () => {
    it('refuses a wrong password, and names user and password', async () => {
      const error = await refusal({ host, port, database, user, password: 'wrong-secret' });
      expect(error).toMatchObject({ code: 'unauthenticated', retryable: false });
      expect(error.message).toMatch(/`user` and `password`/);
    });

    it('does the same for a URL', async () => {
      const wrong = new URL(url);
      wrong.password = 'wrong-secret';
      expect(await refusal({ url: wrong.href })).toMatchObject({ code: 'unauthenticated' });
    });

    it('names host and port where there is nobody', async () => {
      const error = await refusal({ host: 'no-such-host.invalid', port, database, user, password });
      expect(error).toMatchObject({ code: 'unavailable', retryable: true });
      expect(error.message).toMatch(/no-such-host\.invalid.*`host` and `port`/);
      expect(await refusal({ host, port: 1, database, user, password })).toMatchObject({ code: 'unavailable' });
    });

    it('names the database where it is missing', async () => {
      const error = await refusal({ host, port, database: 'no_such_database', user, password });
      expect(error).toMatchObject({ code: 'not_found' });
      expect(error.message).toMatch(/no_such_database.*`database`/);
    });

    it('names the pool where the server has no room for another connection', async () => {
      const role = await ownRole('CONNECTION LIMIT 0');
      const error = await refusal({ host, port, database, ...role });
      expect(error).toMatchObject({ code: 'unavailable', retryable: true });
      expect(error.message).toMatch(/`poolSize`/);
    });

    it('names the pool where all its connections are out', async () => {
      const schema = ownSchema();
      await using backend = createPostgres({ url, schema, poolSize: 1, connectTimeoutMs: 1500 });
      await backend.open();
      await backend.transactions.with(async () => {
        const end = await outcome(backend.records.retrieve('a'));
        expect(end).toMatchObject({ ok: false, error: { code: 'unavailable' } });
        expect(end.ok ? '' : end.error.message).toMatch(/`poolSize`/);
      });
    });

    it('refuses a database that is not encoded in UTF8', async () => {
      const name = randomName('latin');
      await admin(`CREATE DATABASE ${name} ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0`);
      try {
        const error = await refusal({ host, port, database: name, user, password });
        expect(error).toMatchObject({ code: 'invalid_argument', details: { path: 'database' } });
        expect(error.message).toMatch(/LATIN1/);
      } finally {
        await admin(`DROP DATABASE ${name}`);
      }
    });

    it('says that a given pool has been ended', async () => {
      const pool = new pg.Pool({ connectionString: url });
      await pool.end();
      const error = await refusal({ pool, schema: ownSchema() });
      expect(error.code).toBe('closed');
      expect(error.message).toMatch(/`pool`/);
    });
  });

  describe('what is wrong with the rights', () => {
    it('refuses a user who may not make tables, and names user and schema', async () => {
      const role = await ownRole();
      const error = await refusal({ host, port, database, ...role, schema: ownSchema() });
      expect(error).toMatchObject({ code: 'permission_denied' });
      expect(error.message).toMatch(/`user`.*`schema`/);
    });

    it('lets a user who may only read read, and refuses the rest', async () => {
      const schema = ownSchema();
      await using owner = createPostgres({ url, schema });
      await owner.open();
      await owner.records.store('a', 1);
      const role = await ownRole();
      await admin(
        `GRANT USAGE ON SCHEMA ${schema} TO ${role.user}`,
        `GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${role.user}`,
      );
      await using reader = createPostgres({ host, port, database, ...role, schema });
      await reader.open();
      expect((await reader.records.retrieve('a'))?.data).toBe(1);
      for (const work of [
        () => reader.records.store('a', 2),
        () => reader.records.delete('a'),
        () =>
          reader.records.storeMany([
            { key: 'b', data: 1 },
            { key: 'c', data: 1 },
          ]),
        () => reader.records.deleteWhere({}),
        () => reader.transactions.run([{ type: 'store', key: 'd', data: 1 }]),
      ]) {
        expect(await outcome<unknown>(work())).toMatchObject({
          ok: false,
          error: { code: 'permission_denied', applied: 'no', retryable: false },
        });
      }
      expect(await owner.records.count()).toBe(1);
      expect((await owner.records.retrieve('a'))?.data).toBe(1);
    });

    it('says that the server takes no writes where the session is read-only', async () => {
      const schema = ownSchema();
      await using owner = createPostgres({ url, schema });
      await owner.open();
      const role = await ownRole();
      await admin(
        `GRANT ALL ON SCHEMA ${schema} TO ${role.user}`,
        `GRANT ALL ON ALL TABLES IN SCHEMA ${schema} TO ${role.user}`,
        `ALTER ROLE ${role.user} SET default_transaction_read_only = on`,
      );
      await using backend = createPostgres({ host, port, database, ...role, schema });
      await backend.open();
      const end = await outcome(backend.records.store('a', 1));
      expect(end).toMatchObject({ ok: false, error: { code: 'permission_denied', applied: 'no' } });
      expect(end.ok ? '' : end.error.message).toMatch(/read-only/);
    });
  });

  describe('what is wrong with the tables', () => {
    it.each(['storage_records', 'storage_schema', 'storage_chunks'])(
      'refuses a table %s of somebody else, and leaves everything as it is',
      async (table) => {
        const schema = ownSchema();
        await admin(`CREATE SCHEMA ${schema}`, `CREATE TABLE ${schema}.${table} (id int, note text)`);
        const error = await refusal({ url, schema });
        expect(error).toMatchObject({ code: 'already_exists', details: { schema, table } });
        expect(error.message).toMatch(/`schema`/);
        const client = new pg.Client({ connectionString: url });
        await client.connect();
        const { rows } = await client.query('SELECT tablename FROM pg_tables WHERE schemaname = $1', [schema]);
        await client.end();
        expect(rows).toEqual([{ tablename: table }]);
      },
    );

    it('refuses a schema that a later release made', async () => {
      const schema = ownSchema();
      await using first = createPostgres({ url, schema });
      await first.open();
      await admin(`UPDATE ${schema}.storage_schema SET version = 999 WHERE part = 'records'`);
      expect(await refusal({ url, schema })).toMatchObject({
        code: 'version_mismatch',
        details: { part: 'records', found: 999 },
      });
    });

    it('makes nothing where it is to verify, and says what is missing', async () => {
      const schema = ownSchema();
      expect(await refusal({ url, schema, migrate: 'verify' })).toMatchObject({ code: 'version_mismatch' });
      await using first = createPostgres({ url, schema });
      await first.open();
      await using same = createPostgres({ url, schema, migrate: 'verify' });
      await same.open();
      expect(await refusal({ url, schema, migrate: 'verify', fields: ['data.a'] })).toMatchObject({
        code: 'version_mismatch',
        details: { index: 'storage_records_by_data.a' },
      });
    });

    it('says so when the tables go away under it', async () => {
      const schema = ownSchema();
      await using backend = createPostgres({ url, schema });
      await backend.open();
      await admin(`DROP SCHEMA ${schema} CASCADE`);
      const end = await outcome(backend.records.store('a', 1));
      expect(end).toMatchObject({ ok: false, error: { code: 'version_mismatch', applied: 'no' } });
      expect(end.ok ? '' : end.error.message).toMatch(/`schema`/);
    });
  });

  describe('what is wrong with the data', () => {
    it('keeps long texts in a declared field, and finds them', async () => {
      await using backend = createPostgres({ url, schema: ownSchema(), fields: ['data.text', 'data.list'] });
      await backend.open();
      const long = '😀'.repeat(5000);
      await backend.records.store('a', { text: `${long}a`, list: [`${long}a`] });
      await backend.records.store('b', { text: `${long}b`, list: [`${long}b`] });
      const keys = async (filter: object): Promise<string[]> =>
        (await backend.records.query({ filter: filter as never })).items.map(({ key }) => key);
      expect(await keys({ 'data.text': `${long}b` })).toEqual(['b']);
      expect(await keys({ 'data.text': { $gt: `${long}a` } })).toEqual(['b']);
      expect(await keys({ 'data.text': { $startsWith: long } })).toEqual(['a', 'b']);
      expect(await keys({ 'data.list': `${long}a` })).toEqual(['a']);
      // Just as long as what stands in the index.
      const edge = '😀'.repeat(256);
      for (const [key, text] of [
        ['c', edge],
        ['d', `${edge}x`],
      ] as const)
        await backend.records.store(key, { text });
      expect(await keys({ 'data.text': { $gt: edge } })).toEqual(['a', 'b', 'd']);
      expect(await keys({ 'data.text': { $gte: edge } })).toEqual(['a', 'b', 'c', 'd']);
      expect(await keys({ 'data.text': { $lte: edge } })).toEqual(['c']);
      expect(await keys({ 'data.text': { $in: [edge, `${long}a`] } })).toEqual(['a', 'c']);
      expect(await keys({ 'data.text': { $startsWith: `${edge}x` } })).toEqual(['d']);
    });

    it('refuses what is over its limit before anything is sent, and keeps what is at it', async () => {
      await using backend = createPostgres({ url, schema: ownSchema(), maxValueBytes: 1000 });
      await backend.open();
      expect(await outcome(backend.records.store('a', 'x'.repeat(999)))).toMatchObject({
        ok: false,
        error: { code: 'too_large', applied: 'no' },
      });
      await backend.records.store('a', 'x'.repeat(998));
    });

    it('refuses numbers that it could store and not read again', async () => {
      await using backend = createPostgres({ url, schema: ownSchema() });
      await backend.open();
      const wide = new Array<number>(1_500_000).fill(1e308);
      const refused = { code: 'too_large', applied: 'no' };
      expect(await outcome(backend.records.store('a', wide))).toMatchObject({ ok: false, error: refused });
      const steps = [{ type: 'store', key: 'b', data: 1 } as const, { type: 'store', key: 'c', data: wide } as const];
      expect(await outcome(backend.transactions.run(steps))).toMatchObject({
        ok: false,
        error: { ...refused, details: { index: 1 } },
      });
      expect(await backend.records.count()).toBe(0);
      // The same characters in a text are no numbers.
      await backend.records.store('text', '1e+308,'.repeat(1_500_000));
      await backend.records.store('some', wide.slice(0, 10_000));
      expect((await backend.records.retrieve<number[]>('some'))?.data[9999]).toBe(1e308);
    }, 60_000);

    it('keeps the largest value that it promises, as JSON and as bytes', async () => {
      await using backend = createPostgres({ url, schema: ownSchema() });
      await backend.open();
      const { maxValueBytes } = backend.capabilities.records;
      const text = 'é'.repeat(maxValueBytes / 2 - 1);
      await backend.records.store('json', text);
      expect((await backend.records.retrieve<string>('json'))?.data).toHaveLength(text.length);
      await backend.records.store('bytes', new Uint8Array(maxValueBytes).fill(7));
      expect((await backend.records.retrieve<Uint8Array>('bytes'))?.data.byteLength).toBe(maxValueBytes);
    }, 60_000);
  });
});
