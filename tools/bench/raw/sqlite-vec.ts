// What a careful user writes with sqlite-vec by hand: a vec0 table, which is the quickest exact search it has (a plain table with
// vec_distance_cosine takes twice as long), the filtered field as a metadata column of it, and the documents beside it.
import Database from 'better-sqlite3';
import { load } from 'sqlite-vec';
import type { RawDocument } from './vectors.ts';

interface RawMatch {
  readonly id: string;
  readonly content: string;
  readonly metadata: unknown;
  readonly score: number;
}

const limit = 10;

function toBytes(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}

export interface RawVectors {
  insert(documents: readonly RawDocument[]): void;
  /** The 10 closest. */
  search(vector: Float32Array): readonly RawMatch[];
  /** The 10 closest of a category. */
  searchCategory(vector: Float32Array, category: string): readonly RawMatch[];
  close(): void;
}

/** Vectors under cosine, by hand. */
export function openRawVectors(path: string, dimension: number): RawVectors {
  const database = new Database(path);
  load(database);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = NORMAL');
  database.exec(`
    CREATE VIRTUAL TABLE vectors USING vec0(embedding float[${dimension}] distance_metric=cosine, category TEXT);
    CREATE TABLE documents (rowid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, content TEXT, metadata TEXT NOT NULL);`);
  const insertDocument = database.prepare('INSERT INTO documents (id, content, metadata) VALUES (?, ?, ?)');
  const insertVector = database.prepare('INSERT INTO vectors (rowid, embedding, category) VALUES (?, ?, ?)');

  type Match = [id: string, content: string, metadata: string, distance: number];
  const nearest = (condition: string): Database.Statement<unknown[], Match> =>
    database
      .prepare<unknown[], Match>(
        `SELECT id, content, metadata, distance
         FROM (SELECT rowid, distance FROM vectors WHERE embedding MATCH ? AND k = ${limit} ${condition}) AS nearest
         JOIN documents USING (rowid) ORDER BY distance, id`,
      )
      .raw();
  const all = nearest('');
  const ofCategory = nearest('AND category = ?');

  function toMatch([id, content, metadata, distance]: Match): RawMatch {
    return { id, content, metadata: JSON.parse(metadata), score: 1 - distance };
  }

  return {
    insert: database.transaction((documents: readonly RawDocument[]): void => {
      for (const { id, vector, content, metadata } of documents) {
        const { lastInsertRowid } = insertDocument.run(id, content, JSON.stringify(metadata));
        // vec0 takes a rowid as a bigint alone.
        insertVector.run(BigInt(lastInsertRowid), toBytes(vector), metadata.category);
      }
    }),
    search: (vector: Float32Array): RawMatch[] => all.all(toBytes(vector)).map(toMatch),
    searchCategory: (vector: Float32Array, category: string): RawMatch[] =>
      ofCategory.all(toBytes(vector), category).map(toMatch),
    close: (): void => {
      database.close();
    },
  };
}
