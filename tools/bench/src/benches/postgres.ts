// Records in PostgreSQL.
import { randomBytes } from 'node:crypto';
import { createPostgres } from '@storage/postgres';
import { leaseService } from '@storage/services';
import { Client } from 'pg';
import { openRawPostgres } from '../../raw/postgres.ts';
import type { Suite } from '../suite.ts';
import { type Goals, type OpenServer, querySuite, recordSuite } from './server-records.ts';

const poolSize = 10;
const goals: Goals = {
  get: [0.95, 3.5],
  set: [0.9, 1.8],
  delete: [0.9, 4],
  getMany: 0.9,
  setMany: 0.9,
  page: 0.85,
  filter: 0.85,
};

/** Runs a statement on a connection of its own. */
async function once(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

const open: OpenServer = async (field) => {
  const service = await leaseService('postgres');
  if (service.how === 'absent') throw new Error(`PostgreSQL is absent here: ${service.why}`);
  const { url } = service;
  const name = `storage_bench_${randomBytes(6).toString('hex')}`;
  const raw = await openRawPostgres(url, `${name}_raw`, field, poolSize);
  const fields = field === undefined ? [] : [`data.${field}`];
  const backend = createPostgres({ url, schema: name, poolSize, fields });
  await backend.open();
  return {
    raw,
    ours: backend.records,
    filled: () => once(url, 'ANALYZE'),
    async close() {
      await raw.close();
      await backend.close();
      await once(url, `DROP SCHEMA "${name}" CASCADE`);
      await service.release();
    },
  };
};

export const postgresSuite: Suite = recordSuite('postgres', open, goals);
export const postgresQuerySuite: Suite = querySuite('postgres', open, goals);
