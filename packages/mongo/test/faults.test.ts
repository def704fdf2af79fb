import { describe } from '@jest/globals';
import { type FaultSubject, killFaults, ownServer, proxyFaults, requestFaults } from '@storage/faults/testing';
import { onOwnService } from '@storage/services/testing';
import { createMongo, type MongoBackend } from '../src/index.ts';

await onOwnService('mongo', () => {
  const server = ownServer('mongo');

  const subject: FaultSubject<MongoBackend> = {
    // The collections go with the server.
    open: async (url, collection) => {
      const backend = createMongo({ url, database: 'faults', collection, poolSize: 8, connectTimeoutMs: 3000 });
      await backend.open();
      return backend;
    },
  };

  describe('faults between MongoDB and the backend', () => {
    requestFaults(server, subject);
    proxyFaults(server, subject);
    killFaults(server, subject, { limitMs: 240_000 });
  });
});
