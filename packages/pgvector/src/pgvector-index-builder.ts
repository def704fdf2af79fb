import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Call, makeCall, type Translate } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import { quoteName } from '@storage/sql';
import type { Answer, PostgresConnection, PostgresPool } from '@storage/sql/pg';
import type { Collection } from './pgvector-collections.ts';
import { textVector } from './pgvector-hybrid.ts';
import type { PgvectorSettings } from './pgvector-options.ts';
import { indexName, tableName } from './pgvector-schema.ts';

/** An index that a collection is to have. */
interface Wanted {
  readonly name: string;
  /** What follows the table's name. */
  readonly body: string;
  /** Made of the documents that are there: made anew when asked for again. */
  readonly ofDocuments: boolean;
}

/** How long one waits for another who builds the same index. */
const pollMs = 50;
/** A share of the threshold after which the documents are counted again. */
const countAgainAt = 0.25;

/**
 * Builds indexes beside all other work, one process at a time: whoever holds the lock builds, others go on or wait. What a
 * process left unfinished is thrown away and made again.
 */
export class IndexBuilder {
  readonly #pool: PostgresPool;
  readonly #settings: PgvectorSettings;
  readonly #translate: Translate;
  readonly #running = new Map<number, { readonly end: AbortController; readonly done: Promise<void> }>();
  readonly #textAsked = new Set<number>();
  #trouble: string | undefined;
  #closed = false;

  constructor(pool: PostgresPool, settings: PgvectorSettings, translate: Translate) {
    this.#pool = pool;
    this.#settings = settings;
    this.#translate = translate;
  }

  /** Why the last build failed; health tells it. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** What is made together with the table. */
  atCreation(collection: Collection): readonly string[] {
    const wanted = this.#vectorIndex(collection);
    if (this.#settings.buildAt > 0 || wanted === undefined) return [];
    collection.state.built = true;
    return [`CREATE INDEX ${quoteName(wanted.name)} ON ${collection.table} ${wanted.body}`];
  }

  /** Documents were stored: where there are enough, the index is built, and nobody waits for it. */
  wrote(collection: Collection, count: number): void {
    const { state } = collection;
    if (state.built || collection.measure.index === undefined) return;
    state.uncounted += count;
    if (state.uncounted >= this.#settings.buildAt * countAgainAt) this.#startBuild(collection);
  }

  /** A hybrid search was made: an index of the words is worth its cost from now on. */
  askedForText(collection: Collection): void {
    if (this.#textAsked.has(collection.id)) return;
    this.#textAsked.add(collection.id);
    this.#startBuild(collection);
  }

  #startBuild(collection: Collection): void {
    const { id } = collection;
    if (this.#closed || this.#running.has(id) || !this.#settings.namedStatements) return;
    const end = new AbortController();
    const done = this.#buildUnheard(collection, end.signal).finally(() => this.#running.delete(id));
    this.#running.set(id, { end, done });
  }

  async #buildUnheard(collection: Collection, signal: AbortSignal): Promise<void> {
    const call = makeCall({ signal });
    try {
      const { buildAt } = this.#settings;
      const counting = `SELECT count(*) FROM (SELECT FROM ${collection.table} LIMIT ${buildAt}) AS few`;
      const { rows } = await this.#pool.run({ text: counting }, call);
      collection.state.uncounted = 0;
      if (Number(rows[0]?.[0]) >= buildAt) await this.#buildAll(collection, false, call);
      this.#trouble = undefined;
    } catch (error) {
      // Nobody waits for it: a later write tries again, and health tells of it.
      if (!signal.aborted)
        this.#trouble = this.#translate(error, { operation: 'buildIndex', key: undefined, write: true }).message;
    } finally {
      call.end();
    }
  }

  /** Builds what the collection is to have, however few documents there are, and waits for it. */
  async build(collection: Collection, call: Call): Promise<void> {
    if (!this.#settings.namedStatements) throw pooled();
    await this.#running.get(collection.id)?.done;
    await this.#buildAll(collection, true, call);
  }

  async #buildAll(collection: Collection, insist: boolean, call: Call): Promise<void> {
    const { id, measure, state, table } = collection;
    for (const wanted of this.#wanted(collection)) {
      const built = await this.#locked(`${id}/${wanted.name}`, insist, call, (connection) =>
        this.#ensure(connection, table, wanted, insist, call),
      );
      if (built && measure.index !== undefined) state.built = true;
    }
  }

  #vectorIndex({ id, measure, spec }: Collection): Wanted | undefined {
    if (measure.index === undefined) return undefined;
    return { name: indexName(id), body: measure.index, ofDocuments: spec.type === 'ivfflat' };
  }

  #wanted(collection: Collection): readonly Wanted[] {
    const { language } = this.#settings;
    const vectors = this.#vectorIndex(collection);
    const words: Wanted = {
      name: `${tableName(collection.id)}_by_text_${createHash('sha256').update(language).digest('hex').slice(0, 8)}`,
      body: `USING gin (${textVector(language)}) WHERE content IS NOT NULL`,
      ofDocuments: false,
    };
    return [...(vectors === undefined ? [] : [vectors]), ...(this.#textAsked.has(collection.id) ? [words] : [])];
  }

  /** Runs work on a connection of its own while no other process does the same. Answers whether it ran. */
  async #locked(
    name: string,
    wait: boolean,
    call: Call,
    work: (connection: PostgresConnection) => Promise<void>,
  ): Promise<boolean> {
    const key = createHash('sha256')
      .update(`storage:${this.#settings.schema}:${name}`)
      .digest()
      .readBigInt64BE()
      .toString();
    const connection = await this.#pool.connect(call);
    let broken = false;
    try {
      // Whoever waits within a statement would be waited for by the build: so it is asked again and again.
      const lock = { text: `SELECT pg_catalog.pg_try_advisory_lock('${key}'::bigint)` };
      while ((await connection.query(lock, call)).rows[0]?.[0] !== true) {
        if (!wait) return false;
        await delay(pollMs);
        call.check();
      }
      try {
        await work(connection);
      } finally {
        broken = await unlocked(connection, key).then(
          (done) => !done,
          () => true,
        );
      }
      return true;
    } finally {
      connection.release(broken);
    }
  }

  async #ensure(
    connection: PostgresConnection,
    table: string,
    { name, body, ofDocuments }: Wanted,
    anew: boolean,
    call: Call,
  ): Promise<void> {
    const run = (text: string, values?: readonly unknown[]): Promise<Answer> =>
      connection.query({ text, values }, call);
    const schema = quoteName(this.#settings.schema);
    const found = await run(
      'SELECT i.indisvalid FROM pg_catalog.pg_index AS i WHERE i.indexrelid = pg_catalog.to_regclass($1)',
      [`${schema}.${quoteName(name)}`],
    );
    const valid = found.rows[0]?.[0];
    if (valid === true && !(anew && ofDocuments)) return;
    if (valid === true) await run(`REINDEX INDEX CONCURRENTLY ${schema}.${quoteName(name)}`);
    else {
      if (valid === false) await run(`DROP INDEX CONCURRENTLY IF EXISTS ${schema}.${quoteName(name)}`);
      await run(`CREATE INDEX CONCURRENTLY ${quoteName(name)} ON ${table} ${body}`);
    }
    // What the planner knows of the table and of the expressions that are indexed is from now.
    await run(`ANALYZE ${table}`);
  }

  /** Stops what is being built for a collection that is to go. */
  async stop({ id }: Collection): Promise<void> {
    const build = this.#running.get(id);
    build?.end.abort();
    await build?.done;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const builds = [...this.#running.values()];
    for (const { end } of builds) end.abort();
    await Promise.all(builds.map(({ done }) => done));
  }
}

async function unlocked(connection: PostgresConnection, key: string): Promise<boolean> {
  const text = `SELECT pg_catalog.pg_advisory_unlock('${key}'::bigint)`;
  return (await connection.query({ text })).rows[0]?.[0] === true;
}

/** A build is held by a lock of its session, and no pooler keeps that. */
function pooled(): StorageError {
  return new StorageError({
    code: 'unsupported',
    message:
      'Indexes can not be built behind a pooler (`namedStatements: false`); open the store with a direct connection and call buildIndex there, or make collections with index: { buildAt: 0 }.',
    applied: 'no',
  });
}
