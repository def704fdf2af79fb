import type { Dialect } from './dialect.ts';
import { fragment, limitClause, mapTexts, paramsOf, type SqlFragment } from './fragment.ts';
import type { SchemaPart } from './migrations.ts';
import { namespaceCondition } from './records.ts';

/** Tables of vectors where they are kept as bytes, 32-bit floats one after another. */
export const vectorSchema: SchemaPart = {
  name: 'vectors',
  migrations: [
    {
      version: 1,
      statements: ({ name, text, json, bytes, integer, double, identity }) => [
        // `version` counts the changes of the collection's documents.
        `CREATE TABLE storage_collections (id ${identity}, name ${text} NOT NULL UNIQUE, dimension ${integer} NOT NULL,
          metric ${text} NOT NULL, metadata ${json} NOT NULL, version ${integer} NOT NULL)`,
        `CREATE TABLE storage_vectors (collection ${integer} NOT NULL, namespace ${text} NOT NULL, id ${text} NOT NULL,
          norm ${double} NOT NULL, metadata ${json} NOT NULL, content ${text}, vector ${bytes} NOT NULL,
          PRIMARY KEY (collection, namespace, id))`,
        // What a filter looks at without the vectors, which stand between the rows. In PostgreSQL they stand apart anyway.
        ...(name === 'sqlite'
          ? ['CREATE INDEX storage_vectors_metadata ON storage_vectors (collection, namespace, id, metadata)']
          : []),
      ],
    },
    {
      version: 2,
      statements: ({ text, integer }) => [
        // Model and declared fields of the collection, as JSON text.
        `ALTER TABLE storage_collections ADD COLUMN settings ${text} NOT NULL DEFAULT '{}'`,
        // Milliseconds since 1970.
        `ALTER TABLE storage_vectors ADD COLUMN created_at ${integer}`,
      ],
    },
  ],
};

const collectionColumns = 'id, name, dimension, metric, metadata, version, settings';

export interface VectorTexts {
  /** name, dimension, metric, metadata, settings. Changes nothing when the name is taken. */
  readonly createCollection: string;
  /** name. */
  readonly collection: string;
  /** name behind which, how many. */
  readonly collections: string;
  /** id. */
  readonly removeCollection: string;
  /** id: its documents change. Changes nothing when the collection is gone. */
  readonly bump: string;
  /** collection, namespace, id, norm, metadata, content, vector, created_at. */
  readonly write: string;
  /** collection, namespace, id. */
  readonly read: string;
  /** collection, namespace. Id, norm and vector of each, by id. */
  readonly readAll: string;
  /** collection, namespace, id. */
  readonly remove: string;
}

/** What a document is read by; the vector last, and only where it is asked for. */
export const vectorColumns: string = 'id, content, metadata, created_at';

export function vectorTexts(dialect: Dialect): VectorTexts {
  const texts: VectorTexts = {
    createCollection:
      'INSERT INTO storage_collections (name, dimension, metric, metadata, settings, version) VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT (name) DO NOTHING',
    collection: `SELECT ${collectionColumns} FROM storage_collections WHERE name = ?`,
    collections: `SELECT ${collectionColumns} FROM storage_collections WHERE name > ? ORDER BY name LIMIT ?`,
    removeCollection: 'DELETE FROM storage_collections WHERE id = ?',
    bump: 'UPDATE storage_collections SET version = version + 1 WHERE id = ?',
    write: `INSERT INTO storage_vectors (collection, namespace, id, norm, metadata, content, vector, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (collection, namespace, id) DO UPDATE SET norm = excluded.norm, metadata = excluded.metadata,
      content = excluded.content, vector = excluded.vector, created_at = excluded.created_at`,
    read: `SELECT ${vectorColumns}, vector FROM storage_vectors WHERE collection = ? AND namespace = ? AND id = ?`,
    readAll: 'SELECT id, norm, vector FROM storage_vectors WHERE collection = ? AND namespace = ? ORDER BY id',
    remove: 'DELETE FROM storage_vectors WHERE collection = ? AND namespace = ? AND id = ?',
  };
  return mapTexts(texts, dialect);
}

/** Documents of a collection. `namespace` missing: of all namespaces. */
export function vectorSelection(selection: {
  readonly collection: number;
  readonly namespace?: string | undefined;
  readonly recursive?: boolean;
  readonly after?: string | undefined;
  readonly filter?: SqlFragment | undefined;
}): SqlFragment {
  const { collection, namespace, recursive = false, after, filter } = selection;
  const parts = [fragment('collection = ?', collection)];
  if (namespace !== undefined) parts.push(namespaceCondition(namespace, recursive));
  if (after !== undefined) parts.push(fragment('id > ?', after));
  if (filter !== undefined) parts.push(fragment(`(${filter.text})`, ...filter.params));
  return { text: parts.map((part) => part.text).join(' AND '), params: paramsOf(parts) };
}

export function countVectors({ text, params }: SqlFragment): SqlFragment {
  return fragment(`SELECT count(*) FROM storage_vectors WHERE ${text}`, ...params);
}

/** The ids, in order. */
export function vectorIds({ text, params }: SqlFragment): SqlFragment {
  return { text: `SELECT id FROM storage_vectors WHERE ${text} ORDER BY id`, params };
}

export function removeVectors({ text, params }: SqlFragment): SqlFragment {
  return fragment(`DELETE FROM storage_vectors WHERE ${text}`, ...params);
}

export function pageVectors({ text, params }: SqlFragment, includeVectors: boolean, limit: number): SqlFragment {
  const columns = includeVectors ? `${vectorColumns}, vector` : vectorColumns;
  return fragment(`SELECT ${columns} FROM storage_vectors WHERE ${text} ORDER BY id${limitClause(limit)}`, ...params);
}
