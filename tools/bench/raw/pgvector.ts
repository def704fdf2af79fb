// What a careful user writes with pg and pgvector by hand: a pool, statements prepared once a connection (by name), rows read as
// arrays, vectors as the text that pgvector's own JavaScript package makes of them, an HNSW index with the settings of its search on
// the connections, an index for the metadata that is filtered, and many documents in one statement.
import { Pool } from 'pg';
import { limit, type RawDocument, type RawVectors } from './vectors.ts';

type Columns = [id: string, content: string, metadata: unknown, created: string, distance: number];

const namespace = '';

export async function openRawPgvector(url: string, schema: string, dimension: number): Promise<RawVectors> {
  // A search looks at 200 candidates, as ours does; with a filter it goes on until there are enough.
  const options = '-c hnsw.ef_search=200 -c hnsw.iterative_scan=strict_order';
  const pool = new Pool({ connectionString: url, max: 10, options });
  const table = `"${schema}".documents`;
  await pool.query(`CREATE EXTENSION IF NOT EXISTS vector`);
  await pool.query(`
    CREATE SCHEMA "${schema}";
    CREATE TABLE ${table} (
      namespace text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL, embedding vector(${dimension}) NOT NULL,
      content text, metadata jsonb NOT NULL, created_at bigint NOT NULL, PRIMARY KEY (namespace, id));
    ALTER TABLE ${table} ALTER COLUMN embedding SET STORAGE PLAIN;
    CREATE INDEX ON ${table} (namespace, (metadata->>'category'));
    CREATE INDEX ON ${table} USING hnsw (embedding vector_cosine_ops) WITH (m = 16, ef_construction = 64);`);

  const upsert = `ON CONFLICT (namespace, id) DO UPDATE SET embedding = excluded.embedding, content = excluded.content,
    metadata = excluded.metadata, created_at = excluded.created_at`;
  const closest = (where: string): string => `SELECT id, content, metadata, created_at, embedding <=> $1 AS distance
    FROM ${table} WHERE namespace = $2 ${where} ORDER BY embedding <=> $1 LIMIT ${limit}`;
  const texts = {
    one: `INSERT INTO ${table} (namespace, id, embedding, content, metadata, created_at) VALUES ($1, $2, $3, $4, $5, $6) ${upsert}`,
    many: `INSERT INTO ${table} (namespace, id, embedding, content, metadata, created_at)
      SELECT $1, id, embedding::vector, content, metadata::jsonb, $2
      FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS item (id, embedding, content, metadata) ${upsert}`,
    search: closest(''),
    filtered: closest(`AND metadata->>'category' = $3`),
  };
  const run = (name: keyof typeof texts, ...values: unknown[]) =>
    pool.query<Columns>({ name: `raw_${schema}_${name}`, text: texts[name], values, rowMode: 'array' });
  const textOf = (vector: Float32Array): string => JSON.stringify(Array.from(vector));

  return {
    async upsert({ id, vector, content, metadata }: RawDocument) {
      await run('one', namespace, id, textOf(vector), content, JSON.stringify(metadata), Date.now());
    },
    async upsertMany(documents) {
      await run(
        'many',
        namespace,
        Date.now(),
        documents.map(({ id }) => id),
        documents.map(({ vector }) => textOf(vector)),
        documents.map(({ content }) => content),
        documents.map(({ metadata }) => JSON.stringify(metadata)),
      );
    },
    async search(vector, category) {
      const { rows } =
        category === undefined
          ? await run('search', textOf(vector), namespace)
          : await run('filtered', textOf(vector), namespace, category);
      return rows.map(([id, content, metadata, created, distance]) => ({
        id,
        content,
        metadata,
        createdAt: new Date(Number(created)),
        score: 1 - distance,
      }));
    },
    async settled() {
      await pool.query(`VACUUM ANALYZE ${table}`);
    },
    async close() {
      await pool.query(`DROP SCHEMA "${schema}" CASCADE`);
      await pool.end();
    },
  };
}
