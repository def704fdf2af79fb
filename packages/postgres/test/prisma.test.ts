import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { PrismaPg } from '@prisma/adapter-pg';
import { isStorageError } from '@storage/core';
import { dropSchemas, onService, randomName } from '@storage/services/testing';
import { createPostgres } from '../src/index.ts';
import { createPrismaAdapter } from '../src/prisma.ts';
import { differences, tablesOfDatabase, tablesOfFragment } from './prisma-fragment.ts';

const project = fileURLToPath(new URL('..', import.meta.url));
const fragment = join(project, 'prisma', 'storage.prisma');

/** What these tests use of the client that Prisma makes. */
interface Client {
  readonly storageRecord: {
    findUnique(query: object): Promise<{ readonly [column: string]: unknown } | null>;
    findMany(query: object): Promise<readonly { readonly [column: string]: unknown }[]>;
    count(): Promise<number>;
  };
  readonly note: { create(query: object): Promise<unknown>; findMany(): Promise<readonly unknown[]> };
  $executeRawUnsafe(text: string): Promise<number>;
  $disconnect(): Promise<void>;
}
interface Generated {
  readonly PrismaClient: new (options: { readonly adapter: PrismaPg }) => Client;
}

/** A user's schema of two files: their own, with a model of theirs, and the fragment. */
const ownSchema = `generator client {
  provider            = "prisma-client"
  output              = "../client"
  importFileExtension = "ts"
}

datasource db {
  provider = "postgresql"
}

model Note {
  id   Int    @id
  text String

  @@map("note")
}
`;

/** Makes the client as \`prisma generate\` does, without the engine that it would download and does not need for this. */
async function generate(folder: string): Promise<Generated> {
  const schema = join(folder, 'schema');
  await mkdir(schema, { recursive: true });
  await writeFile(join(schema, 'schema.prisma'), ownSchema);
  await cp(fragment, join(schema, 'storage.prisma'));
  const cli = join(dirname(createRequire(import.meta.url).resolve('prisma/package.json')), 'build', 'index.js');
  await promisify(execFile)(process.execPath, [cli, 'generate', '--schema', schema, '--no-hints'], {
    cwd: folder,
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      CHECKPOINT_DISABLE: '1',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
    },
  });
  return (await import(pathToFileURL(join(folder, 'client', 'client.ts')).href)) as Generated;
}

// A busy machine's share.
jest.setTimeout(30_000);

await onService('postgres', ({ url }) => {
  const schemas: string[] = [];
  const folder = join(project, 'generated', randomName('prisma'));
  let generated: Generated;

  const newSchema = (): string => {
    const schema = randomName('prisma');
    schemas.push(schema);
    return schema;
  };

  beforeAll(async () => {
    generated = await generate(folder);
  }, 60_000);

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    // Another run may be at work beside this one.
    await rmdir(dirname(folder)).catch((error: unknown) => expect(error).toMatchObject({ code: 'ENOTEMPTY' }));
    await dropSchemas(url, schemas);
  });

  describe('Prisma over the pool of the backend', () => {
    it('reads records that were stored through the backend, by typed calls, in its schema', async () => {
      await using backend = createPostgres({ url, schema: newSchema(), poolSize: 2 });
      await backend.open();
      const info = await backend.records.store('user_alice', { user: 'alice' }, { metadata: { team: 'a' } });
      await backend.records.namespace('n').store('bytes', new Uint8Array([1, 2, 3]));
      const client = new generated.PrismaClient({ adapter: await createPrismaAdapter(backend) });
      expect(
        await client.storageRecord.findUnique({ where: { namespace_key: { namespace: '', key: 'user_alice' } } }),
      ).toMatchObject({
        key: 'user_alice',
        etag: info.etag,
        data: { user: 'alice' },
        metadata: { team: 'a' },
        size: BigInt(info.size),
        createdAt: BigInt(info.updatedAt.getTime()),
        expiresAt: null,
      });
      const [bytes] = await client.storageRecord.findMany({ where: { namespace: 'n' } });
      expect(Buffer.from(bytes?.['bytes'] as Uint8Array)).toEqual(Buffer.from([1, 2, 3]));
      expect(await client.storageRecord.count()).toBe(2);
      expect(backend.pool.totalCount).toBeLessThanOrEqual(2);
      await client.$disconnect();
      expect((await backend.records.retrieve('user_alice'))?.data).toEqual({ user: 'alice' });
    });

    it('serves models of the user’s own beside them', async () => {
      await using backend = createPostgres({ url, schema: newSchema() });
      await backend.open();
      const client = new generated.PrismaClient({ adapter: await createPrismaAdapter(backend) });
      await client.$executeRawUnsafe(`CREATE TABLE "${backend.schema}".note (id int PRIMARY KEY, text text NOT NULL)`);
      await client.note.create({ data: { id: 1, text: 'mine' } });
      expect(await client.note.findMany()).toEqual([{ id: 1, text: 'mine' }]);
      await client.$disconnect();
    });

    it('is refused before the backend is open', async () => {
      const backend = createPostgres({ url, schema: newSchema() });
      await expect(createPrismaAdapter(backend)).rejects.toMatchObject({ code: 'not_initialized' });
    });

    it('names the packages that are missing', async () => {
      jest.unstable_mockModule('@prisma/adapter-pg', () => {
        throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
      });
      const fresh = await import('../src/prisma.ts');
      await using backend = createPostgres({ url, schema: newSchema() });
      await backend.open();
      const error: unknown = await fresh.createPrismaAdapter(backend).catch((thrown: unknown) => thrown);
      expect(isStorageError(error, 'unsupported')).toBe(true);
      expect(String(error)).toContain('npm install @prisma/client@7 @prisma/adapter-pg@7');
    });
  });

  describe('the schema fragment', () => {
    it('has what the migrations make: tables, columns, types and keys', async () => {
      await using backend = createPostgres({ url, schema: newSchema() });
      await backend.open();
      const database = await tablesOfDatabase(backend.pool, backend.schema);
      expect(differences(tablesOfFragment(await readFile(fragment, 'utf8')), database)).toEqual([]);
    });

    it.each([
      ['ALTER TABLE storage_records DROP COLUMN content_type', 'storage_records.content_type is not in the database'],
      ['ALTER TABLE storage_records ADD COLUMN extra text', 'storage_records.extra is not in the fragment'],
      [
        'ALTER TABLE storage_chunks ALTER COLUMN bytes DROP NOT NULL',
        'storage_chunks.bytes is Bytes in the fragment, Bytes? in the database',
      ],
      [
        'ALTER TABLE storage_streams DROP CONSTRAINT storage_streams_pkey',
        'storage_streams has the key stream in the fragment,  in the database',
      ],
      ['DROP TABLE storage_chunks', 'storage_chunks is not in the database'],
      ['CREATE TABLE storage_more (id bigint)', 'storage_more is not in the fragment'],
    ])('differs after %s', async (statement, difference) => {
      await using backend = createPostgres({ url, schema: newSchema(), poolSize: 1 });
      await backend.open();
      await backend.pool.query(`SET search_path = "${backend.schema}"; ${statement}`);
      const database = await tablesOfDatabase(backend.pool, backend.schema);
      expect(differences(tablesOfFragment(await readFile(fragment, 'utf8')), database)).toEqual([difference]);
    });
  });
});
