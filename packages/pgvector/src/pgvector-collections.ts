import {
  type Call,
  type CollectionDefinition,
  type CollectionRow,
  decodeSettings,
  encodeSettings,
  type RowPage,
} from '@storage/backend-kit';
import { type Metric, StorageError } from '@storage/core';
import { inSchema, quoteName } from '@storage/sql';
import type { PostgresSession, Row } from '@storage/sql/pg';
import type { Extension } from './pgvector-extension.ts';
import { indexTypeOf, type Measure, measureOf } from './pgvector-index.ts';
import type { IndexSpec, PgvectorSettings } from './pgvector-options.ts';
import { tableName, tableStatements } from './pgvector-schema.ts';

/** A collection as its row tells it. */
export interface Collection extends CollectionRow {
  readonly id: number;
  /** Quoted, with its schema. */
  readonly table: string;
  readonly spec: IndexSpec;
  readonly measure: Measure;
  /** What this process knows of its index, and changes. */
  readonly state: IndexState;
}

interface IndexState {
  built: boolean;
  /** How many documents were stored since somebody counted. */
  uncounted: number;
}

const columns = 'id, name, dimension, metric, settings, index';

const texts = {
  read: `SELECT ${columns} FROM storage_vector_collections WHERE name = $1`,
  list: `SELECT ${columns} FROM storage_vector_collections WHERE name > $1 ORDER BY name LIMIT $2`,
  insert: `INSERT INTO storage_vector_collections (name, dimension, metric, settings, index) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (name) DO NOTHING RETURNING ${columns}`,
  remove: 'DELETE FROM storage_vector_collections WHERE name = $1 RETURNING id',
} as const;

/** How often a collection is sought that others make and delete meanwhile. */
const mostAttempts = 10;

/** The collections of a schema, and what is known of them. */
export class Collections {
  readonly #session: PostgresSession;
  readonly #settings: PgvectorSettings;
  readonly #known = new Map<string, Collection>();
  #extension!: Extension;

  constructor(session: PostgresSession, settings: PgvectorSettings) {
    this.#session = session;
    this.#settings = settings;
  }

  /** No call comes before. */
  attach(extension: Extension): void {
    this.#extension = extension;
  }

  /** As it was seen last. */
  known(name: string): Collection | undefined {
    return this.#known.get(name);
  }

  async get(name: string, call: Call): Promise<Collection | undefined> {
    const [row] = await this.#query(this.#session, texts.read, [name], call);
    if (row !== undefined) return this.#keep(row);
    this.#known.delete(name);
    return undefined;
  }

  async list(after: string | undefined, limit: number, call: Call): Promise<RowPage<Collection>> {
    const found = await this.#query(this.#session, texts.list, [after ?? '', limit + 1], call);
    return { rows: found.slice(0, limit).map((row) => this.#keep(row)), more: found.length > limit };
  }

  /** Makes a collection with its table; `more` are statements beside. Of several callers one makes it. */
  async create(
    name: string,
    definition: CollectionDefinition,
    more: (collection: Collection) => readonly string[],
    call: Call,
  ): Promise<{ readonly collection: Collection; readonly created: boolean }> {
    const { dimension, metric } = definition;
    const values = [name, dimension, metric, encodeSettings(definition), JSON.stringify(this.#settings.index)];
    for (let attempt = 1; attempt <= mostAttempts; attempt++) {
      const made = await this.#session.transaction(call, async (inside) => {
        const [row] = await this.#query(inside, texts.insert, values, call, true);
        if (row === undefined) return undefined;
        const collection = this.#toCollection(row, true);
        const own = tableStatements(this.#settings.schema, collection.id, definition, this.#extension);
        for (const text of [...own, ...more(collection)]) await inside.run({ text }, call, true);
        return collection;
      });
      if (made !== undefined) {
        this.#known.set(name, made);
        return { collection: made, created: true };
      }
      const collection = await this.get(name, call);
      if (collection !== undefined) return { collection, created: false };
    }
    throw new StorageError({
      code: 'unavailable',
      message: `Collection ${name} was made and deleted by others, again and again. Try again.`,
      applied: 'no',
    });
  }

  async remove(name: string, call: Call): Promise<boolean> {
    const removed = await this.#session.transaction(call, async (inside) => {
      const [row] = await this.#query(inside, texts.remove, [name], call, true);
      if (row === undefined) return false;
      await inside.run({ text: `DROP TABLE IF EXISTS ${this.#table(row[0] as number)}` }, call, true);
      return true;
    });
    this.#known.delete(name);
    return removed;
  }

  async #query(
    session: PostgresSession,
    text: string,
    values: readonly unknown[],
    call: Call,
    write: boolean = false,
  ): Promise<readonly Row[]> {
    return (await session.run({ text: inSchema(this.#settings.schema, text), values }, call, write)).rows;
  }

  /** What is known of a collection is one object as long as it lives. */
  #keep(row: Row): Collection {
    const known = this.#known.get(row[1] as string);
    if (known !== undefined && known.id === row[0]) return known;
    const collection = this.#toCollection(row, false);
    this.#known.set(collection.name, collection);
    return collection;
  }

  #table(id: number): string {
    return `${quoteName(this.#settings.schema)}.${quoteName(tableName(id))}`;
  }

  #toCollection(row: Row, isNew: boolean): Collection {
    const [id, name, dimension, metric, settings, index] = row as [number, string, number, Metric, string, string];
    const spec = JSON.parse(index) as IndexSpec;
    const indexType = indexTypeOf(spec, dimension);
    return {
      id,
      name,
      dimension,
      metric,
      ...(indexType !== undefined && { indexType }),
      ...decodeSettings(settings),
      table: this.#table(id),
      spec,
      measure: measureOf(metric, dimension, spec, this.#extension),
      // Whoever did not make it counts at the next write.
      state: { built: false, uncounted: isNew ? 0 : Number.POSITIVE_INFINITY },
    };
  }
}
