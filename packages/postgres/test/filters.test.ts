import { randomInt } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type Explain, runFilterFuzz } from '@storage/conformance';
import type { Backend } from '@storage/core';
import { joinPath, normalizeFilter, recordRoots } from '@storage/core/filter';
import { dropSchemas, onService, randomName } from '@storage/services/testing';
import { compileRecordFilter, postgresDialect } from '@storage/sql';
import { createPostgres } from '../src/index.ts';

await onService('postgres', ({ url, server, version, how }) => {
  describe('a thousand random filters', () => {
    it.each([
      ['without an index', []],
      ['by indexes', ['data.a', 'data.b', 'data.a.b', 'data.a\\.b', 'metadata', 'metadata.a', 'createdAt']],
    ])(
      'are answered as the reference does, %s',
      async (_how, fields) => {
        const schemas = new WeakMap<Backend, string>();
        const explain: Explain = (filter) => {
          const node = normalizeFilter(filter, { roots: recordRoots });
          if (node.kind === 'true' || node.kind === 'false') return 'exact';
          return compileRecordFilter(postgresDialect, node, (path) => fields.includes(joinPath(path))).precision;
        };
        const report = await runFilterFuzz({
          count: 1000,
          seed: Number(process.env['STORAGE_FUZZ_SEED'] ?? randomInt(2 ** 30)),
          explain,
          round: { filters: 250, documents: 200 },
          harness: {
            name: 'postgres',
            server: { name: server, version, how },
            create: () => {
              const schema = randomName('fuzz');
              const backend = createPostgres({ url, schema, fields });
              schemas.set(backend, schema);
              return backend;
            },
            destroy: (backend) => dropSchemas(url, [schemas.get(backend) ?? '']),
          },
        });
        expect(report.count).toBe(1000);
      },
      120_000,
    );
  });
});
