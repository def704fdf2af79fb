import { describe, expect } from '@jest/globals';
import { type FaultSubject, killFaults, ownServer, proxyFaults, requestFaults } from '@storage/faults/testing';
import { onOwnService } from '@storage/services/testing';
import pg from 'pg';
import { createPostgres, type PostgresBackend } from '../src/index.ts';

await onOwnService('postgres', () => {
  const server = ownServer('postgres');

  const subject: FaultSubject<PostgresBackend> = {
    // The schema goes with the server.
    open: async (url, schema) => {
      const backend = createPostgres({ url, schema, applicationName: schema, poolSize: 8 });
      await backend.open();
      return backend;
    },
    connections: async (application) => {
      const client = new pg.Client({ connectionString: server().url });
      await client.connect();
      try {
        const text = 'SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = $1';
        return Number((await client.query<{ count: number }>(text, [application])).rows[0]?.count);
      } finally {
        await client.end();
      }
    },
    checkIdle: ({ pool }) => {
      expect(pool.totalCount).toBeLessThanOrEqual(8);
      expect(pool.waitingCount).toBe(0);
    },
  };

  describe('faults between PostgreSQL and the backend', () => {
    requestFaults(server, subject);
    proxyFaults(server, subject);
    killFaults(server, subject);
  });
});
