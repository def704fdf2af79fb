// The vector backends with a server, beside the clients of their vendors.
import { createChroma } from '@storage/chroma';
import { createPgvector } from '@storage/pgvector';
import { createPinecone } from '@storage/pinecone';
import { createQdrant } from '@storage/qdrant';
import { openRawChroma } from '../../raw/chroma.ts';
import { openRawPgvector } from '../../raw/pgvector.ts';
import { openRawPinecone } from '../../raw/pinecone.ts';
import { openRawQdrant } from '../../raw/qdrant.ts';
import type { Suite } from '../suite.ts';
import { vectorSuite } from './server-vectors.ts';

export const pgvectorSuite: Suite = vectorSuite('pgvector', {
  service: 'postgres',
  server: 'PostgreSQL',
  raw: openRawPgvector,
  ours: (url, name) => {
    // Both indexes are there from the first document on.
    const backend = createPgvector({ url, schema: name.replace('-', '_'), index: { buildAt: 0 } });
    const { schema } = backend;
    return {
      backend,
      async settled(collection) {
        await backend.buildIndex(collection);
        const { rows } = await backend.pool.query<{ readonly tablename: string }>(
          'SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = $1',
          [schema],
        );
        for (const { tablename } of rows) await backend.pool.query(`VACUUM ANALYZE "${schema}"."${tablename}"`);
      },
      async remove() {
        await backend.pool.query(`DROP SCHEMA "${schema}" CASCADE`);
      },
    };
  },
});

export const qdrantSuite: Suite = vectorSuite('qdrant', {
  service: 'qdrant',
  server: 'Qdrant',
  raw: openRawQdrant,
  ours: (url, name) => ({ backend: createQdrant({ url, prefix: `${name}-` }) }),
});

export const chromaSuite: Suite = vectorSuite('chroma', {
  service: 'chroma',
  server: 'Chroma',
  raw: openRawChroma,
  ours: (url, name) => ({ backend: createChroma({ url, tenant: name, database: name }) }),
});

export const pineconeSuite: Suite = vectorSuite('pinecone', {
  service: 'pinecone',
  server: 'Pinecone',
  raw: openRawPinecone,
  ours: (url, name) => ({ backend: createPinecone({ apiKey: 'any', controllerUrl: url, prefix: name }) }),
});
