// What a careful user writes with pg by hand: a pool, statements prepared once a connection (by name), rows read as arrays (the
// quicker form), batches in one statement, pages by keyset, an index for the field that is filtered. Table, columns, keys and
// indexes are those of the store that it is compared with, and so is what it answers.
import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';

/** A record as both sides answer it. */
interface RawRecord {
  readonly key: string;
  readonly kind: 'json' | 'bytes';
  readonly etag: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly expiresAt: Date | undefined;
  readonly size: number;
  readonly contentType: string;
  readonly metadata: unknown;
  readonly data: unknown;
}

/** What a write answers. */
type RawInfo = Omit<RawRecord, 'data'>;

/** As pg reads them: 64-bit integers as text, JSON parsed. */
type Columns = [
  key: string,
  kind: string,
  etag: string,
  created: string,
  updated: string,
  expires: string | null,
  size: string,
  contentType: string,
  metadata: unknown,
  data: unknown,
  bytes: Buffer | null,
];

const columns = 'key, kind, etag, created_at, updated_at, expires_at, size, content_type, metadata, data, bytes';
const page = 100;

function toRecord(row: Columns): RawRecord {
  const [key, kind, etag, created, updated, expires, size, contentType, metadata, data, bytes] = row;
  return {
    key,
    kind: kind === '0' ? 'json' : 'bytes',
    etag,
    createdAt: new Date(Number(created)),
    updatedAt: new Date(Number(updated)),
    expiresAt: expires === null ? undefined : new Date(Number(expires)),
    size: Number(size),
    contentType,
    metadata,
    data: bytes ?? data,
  };
}

interface RawPage {
  readonly items: readonly RawRecord[];
  readonly more: boolean;
}

interface Item {
  readonly key: string;
  readonly data: unknown;
}

export interface RawPostgres {
  get(key: string): Promise<RawRecord | undefined>;
  getMany(keys: readonly string[]): Promise<readonly (RawRecord | undefined)[]>;
  set(key: string, data: unknown): Promise<RawInfo>;
  setMany(items: readonly Item[]): Promise<readonly RawInfo[]>;
  delete(key: string): Promise<boolean>;
  /** 100 records behind a key. */
  page(after: string): Promise<RawPage>;
  /** The first 100 records whose field has the value, by key. */
  filter(value: string): Promise<RawPage>;
  close(): Promise<void>;
}

/** Records of one namespace in a schema that is made here, by hand. `field` is a member of the data that has an index. */
export async function openRawPostgres(
  url: string,
  schema: string,
  field: string | undefined,
  poolSize: number,
): Promise<RawPostgres> {
  const namespace = '';
  const pool = new Pool({ connectionString: url, max: poolSize });
  const table = `"${schema}".storage_records`;
  await pool.query(`
    CREATE SCHEMA "${schema}";
    CREATE TABLE ${table} (
      namespace text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, kind bigint NOT NULL, etag text COLLATE "C" NOT NULL,
      created_at bigint NOT NULL, updated_at bigint NOT NULL, expires_at bigint, size bigint NOT NULL,
      content_type text COLLATE "C" NOT NULL, stream text COLLATE "C", metadata jsonb NOT NULL, data jsonb, bytes bytea,
      PRIMARY KEY (namespace, key));
    CREATE INDEX ON ${table} (expires_at) WHERE expires_at IS NOT NULL;`);
  if (field !== undefined)
    await pool.query(`CREATE INDEX ON ${table} (namespace, ((data->>'${field}') COLLATE "C"), key)`);

  const live = (n: number): string => `(expires_at IS NULL OR expires_at > $${n})`;
  const upsert = `ON CONFLICT (namespace, key) DO UPDATE SET kind = excluded.kind, etag = excluded.etag,
    created_at = CASE WHEN record.expires_at <= excluded.updated_at THEN excluded.created_at ELSE record.created_at END,
    updated_at = excluded.updated_at, expires_at = excluded.expires_at, size = excluded.size,
    content_type = excluded.content_type, metadata = excluded.metadata, data = excluded.data, bytes = excluded.bytes
    RETURNING created_at`;
  const texts = {
    get: `SELECT ${columns} FROM ${table} WHERE namespace = $1 AND key = $2 AND ${live(3)}`,
    getMany: `SELECT ${columns} FROM ${table} WHERE namespace = $1 AND key = ANY ($2) AND ${live(3)}`,
    set: `INSERT INTO ${table} AS record (namespace, ${columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ${upsert}`,
    setMany: `INSERT INTO ${table} AS record (namespace, ${columns})
      SELECT $1, key, 0, etag, $2, $2, NULL, size, 'application/json', '{}', data::jsonb, NULL
      FROM unnest($3::text[], $4::text[], $5::bigint[], $6::text[]) AS item (key, etag, size, data) ${upsert}`,
    delete: `DELETE FROM ${table} WHERE namespace = $1 AND key = $2 AND ${live(3)}`,
    page: `SELECT ${columns} FROM ${table} WHERE namespace = $1 AND key > $2 AND ${live(3)} ORDER BY key LIMIT ${page + 1}`,
    filter: `SELECT ${columns} FROM ${table} WHERE namespace = $1 AND (data->>'${field}') COLLATE "C" = $2 AND ${live(3)} ORDER BY key LIMIT ${page + 1}`,
  };

  async function run<Row extends unknown[]>(
    name: keyof typeof texts,
    ...values: unknown[]
  ): Promise<{ readonly rows: Row[]; readonly rowCount: number | null }> {
    return pool.query<Row>({ name: `raw_${name}`, text: texts[name], values, rowMode: 'array' });
  }

  function info(
    key: string,
    etag: string,
    size: number,
    now: number,
    row: readonly [created: string] | undefined,
  ): RawInfo {
    return {
      key,
      kind: 'json',
      etag,
      createdAt: new Date(Number(row?.[0])),
      updatedAt: new Date(now),
      expiresAt: undefined,
      size,
      contentType: 'application/json',
      metadata: {},
    };
  }

  function toPage(rows: readonly Columns[]): RawPage {
    return { items: rows.slice(0, page).map(toRecord), more: rows.length > page };
  }

  return {
    async get(key) {
      const [row] = (await run<Columns>('get', namespace, key, Date.now())).rows;
      return row === undefined ? undefined : toRecord(row);
    },
    async getMany(keys) {
      const { rows } = await run<Columns>('getMany', namespace, keys, Date.now());
      const found = new Map(rows.map((row) => [row[0], toRecord(row)]));
      return keys.map((key) => found.get(key));
    },
    async set(key, data) {
      const now = Date.now();
      const etag = randomUUID();
      const text = JSON.stringify(data);
      const size = Buffer.byteLength(text);
      const values = [namespace, key, 0, etag, now, now, null, size, 'application/json', '{}', text, null];
      const { rows } = await run<[created: string]>('set', ...values);
      return info(key, etag, size, now, rows[0]);
    },
    async setMany(items) {
      const now = Date.now();
      const encoded = items.map(({ key, data }) => {
        const text = JSON.stringify(data);
        return { key, etag: randomUUID(), size: Buffer.byteLength(text), text };
      });
      const { rows } = await run<[created: string]>(
        'setMany',
        namespace,
        now,
        encoded.map(({ key }) => key),
        encoded.map(({ etag }) => etag),
        encoded.map(({ size }) => size),
        encoded.map(({ text }) => text),
      );
      return encoded.map(({ key, etag, size }, index) => info(key, etag, size, now, rows[index]));
    },
    async delete(key) {
      return (await run('delete', namespace, key, Date.now())).rowCount === 1;
    },
    page: async (after) => toPage((await run<Columns>('page', namespace, after, Date.now())).rows),
    filter: async (value) => toPage((await run<Columns>('filter', namespace, value, Date.now())).rows),
    async close() {
      await pool.query(`DROP SCHEMA "${schema}" CASCADE`);
      await pool.end();
    },
  };
}
