// What a careful user writes with better-sqlite3 by hand: WAL, statements prepared once, rows read as arrays (`raw()`, the
// quicker form), batches in one transaction or one statement, pages by keyset, an index for the field that is filtered.
// Table and columns are those of the store that it is compared with, and so is what it answers.
import { randomUUID } from 'node:crypto';
import Database from 'better-sqlite3';

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

type Columns = [
  key: string,
  kind: number,
  etag: string,
  created: number,
  updated: number,
  expires: number | null,
  size: number,
  contentType: string,
  metadata: string,
  data: string | null,
  bytes: Buffer | null,
];

const columns = 'key, kind, etag, created_at, updated_at, expires_at, size, content_type, metadata, data, bytes';
const live = '(expires_at IS NULL OR expires_at > ?)';
const page = 100;

function toRecord(row: Columns): RawRecord {
  const [key, kind, etag, created, updated, expires, size, contentType, metadata, data, bytes] = row;
  return {
    key,
    kind: kind === 0 ? 'json' : 'bytes',
    etag,
    createdAt: new Date(created),
    updatedAt: new Date(updated),
    expiresAt: expires === null ? undefined : new Date(expires),
    size,
    contentType,
    metadata: metadata === '{}' ? {} : JSON.parse(metadata),
    data: data === null ? bytes : JSON.parse(data),
  };
}

interface RawPage {
  readonly items: readonly RawRecord[];
  readonly more: boolean;
}

export interface RawSqlite {
  get(key: string): RawRecord | undefined;
  getMany(keys: readonly string[]): readonly (RawRecord | undefined)[];
  set(key: string, data: unknown): RawInfo;
  setMany(items: readonly { readonly key: string; readonly data: unknown }[]): readonly RawInfo[];
  delete(key: string): boolean;
  /** 100 records behind a key. */
  page(after: string): RawPage;
  /** The first 100 records whose field has the value, by key. */
  filter(value: string): RawPage;
  close(): void;
}

/** Records of one namespace in SQLite, by hand. `field` is a member of the data that is filtered, `indexed` whether it has an index. */
export function openRawSqlite(path: string, field: string, indexed: boolean): RawSqlite {
  const namespace = '';
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = NORMAL');
  database.exec(`
    CREATE TABLE storage_records (
      namespace TEXT NOT NULL, key TEXT NOT NULL, kind INTEGER NOT NULL, etag TEXT NOT NULL,
      created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, expires_at INTEGER, size INTEGER NOT NULL,
      content_type TEXT NOT NULL, stream TEXT, metadata TEXT NOT NULL, data TEXT, bytes BLOB,
      PRIMARY KEY (namespace, key));
    CREATE INDEX records_expiry ON storage_records (expires_at) WHERE expires_at IS NOT NULL;`);
  if (indexed) {
    // The key last: a page of matches is then read in order, and the planner prefers it to the primary key.
    database.exec(
      `CREATE INDEX records_by_field ON storage_records (namespace, json_extract(data, '$.${field}'), key)`,
    );
  }

  const read = database
    .prepare<unknown[], Columns>(`SELECT ${columns} FROM storage_records WHERE namespace = ? AND key = ?`)
    .raw();
  const readMany = database
    .prepare<unknown[], Columns>(
      `SELECT ${columns} FROM storage_records WHERE namespace = ? AND key IN (SELECT value FROM json_each(?))`,
    )
    .raw();
  const write = database
    .prepare<unknown[], [created: number]>(
      `INSERT INTO storage_records (${columns}, namespace) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (namespace, key) DO UPDATE SET kind = excluded.kind, etag = excluded.etag,
         created_at = CASE WHEN expires_at <= excluded.updated_at THEN excluded.created_at ELSE created_at END,
         updated_at = excluded.updated_at, expires_at = excluded.expires_at, size = excluded.size,
         content_type = excluded.content_type, metadata = excluded.metadata, data = excluded.data, bytes = excluded.bytes
       RETURNING created_at`,
    )
    .raw();
  const remove = database.prepare<unknown[]>(`DELETE FROM storage_records WHERE namespace = ? AND key = ? AND ${live}`);
  const readPage = database
    .prepare<unknown[], Columns>(
      `SELECT ${columns} FROM storage_records WHERE namespace = ? AND key > ? AND ${live} ORDER BY key LIMIT ${page + 1}`,
    )
    .raw();
  const readMatches = database
    .prepare<unknown[], Columns>(
      `SELECT ${columns} FROM storage_records
       WHERE namespace = ? AND json_extract(data, '$.${field}') = ? AND ${live} ORDER BY key LIMIT ${page + 1}`,
    )
    .raw();

  function get(key: string): RawRecord | undefined {
    const row = read.get(namespace, key);
    if (row === undefined || (row[5] !== null && row[5] <= Date.now())) return undefined;
    return toRecord(row);
  }

  function getMany(keys: readonly string[]): (RawRecord | undefined)[] {
    const now = Date.now();
    const found = new Map<string, RawRecord>();
    for (const row of readMany.all(namespace, JSON.stringify(keys))) {
      if (row[5] === null || row[5] > now) found.set(row[0], toRecord(row));
    }
    return keys.map((key) => found.get(key));
  }

  function set(key: string, data: unknown): RawInfo {
    const now = Date.now();
    const etag = randomUUID();
    const text = JSON.stringify(data);
    const size = Buffer.byteLength(text);
    // `all`, not `get`: a statement that is left before its end commits without the checkpoint that keeps the WAL small.
    const [row] = write.all(key, 0, etag, now, now, null, size, 'application/json', '{}', text, null, namespace);
    return {
      key,
      kind: 'json',
      etag,
      createdAt: new Date(row?.[0] ?? now),
      updatedAt: new Date(now),
      expiresAt: undefined,
      size,
      contentType: 'application/json',
      metadata: {},
    };
  }

  const setMany = database.transaction(
    (items: readonly { readonly key: string; readonly data: unknown }[]): RawInfo[] =>
      items.map(({ key, data }) => set(key, data)),
  );

  function toPage(rows: readonly Columns[]): RawPage {
    return { items: rows.slice(0, page).map(toRecord), more: rows.length > page };
  }

  return {
    get,
    getMany,
    set,
    setMany,
    delete: (key: string): boolean => remove.run(namespace, key, Date.now()).changes > 0,
    page: (after: string) => toPage(readPage.all(namespace, after, Date.now())),
    filter: (value: string) => toPage(readMatches.all(namespace, value, Date.now())),
    close: (): void => {
      database.close();
    },
  };
}
