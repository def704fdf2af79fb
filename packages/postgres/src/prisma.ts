import type { PrismaPg } from '@prisma/adapter-pg';
import { StorageError } from '@storage/core';
import type { PostgresBackend } from './postgres-backend.ts';

function missing(cause: unknown): StorageError {
  return new StorageError({
    code: 'unsupported',
    backend: 'postgres',
    message: 'Prisma is not installed; run `npm install @prisma/client@7 @prisma/adapter-pg@7`.',
    details: { packages: ['@prisma/client', '@prisma/adapter-pg'] },
    cause,
  });
}

/**
 * What a `PrismaClient` is given as its `adapter`, so that it works over the connections of an open backend, in its schema. The
 * backend's pool is not closed by `$disconnect`. Include `prisma/storage.prisma` of this package in your schema to read the
 * tables of the store by typed calls.
 *
 * `not_initialized` before `open`, `unsupported` where Prisma's packages, which are optional, are not installed.
 */
export async function createPrismaAdapter(backend: PostgresBackend): Promise<PrismaPg> {
  const { pool, schema } = backend;
  let driver: typeof import('@prisma/adapter-pg');
  try {
    driver = await import('@prisma/adapter-pg');
  } catch (error) {
    throw missing(error);
  }
  return new driver.PrismaPg(pool, { schema });
}
