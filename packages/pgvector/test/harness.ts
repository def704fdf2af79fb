import { afterAll } from '@jest/globals';
import { dropSchemas, randomName } from '@storage/services/testing';
import pg from 'pg';
import { createPgvector, type PgvectorBackend, type PgvectorOptions } from '../src/index.ts';

/** What was sent to the server. */
export interface Sent {
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** Stores in schemas of their own, which are dropped after the tests. */
export class Stores {
  readonly #url: string;
  readonly #made: string[] = [];
  readonly #ends: (() => Promise<unknown>)[] = [];

  constructor(url: string) {
    this.#url = url;
    afterAll(async () => {
      for (const end of this.#ends.reverse()) await end();
      await dropSchemas(url, this.#made);
    }, 60_000);
  }

  schema(): string {
    const schema = randomName('pgvector');
    this.#made.push(schema);
    return schema;
  }

  /** An open store, in a schema of its own unless one is named. */
  async open(options: PgvectorOptions = {}): Promise<PgvectorBackend & { readonly schema: string }> {
    const place = options.pool === undefined && options.host === undefined ? { url: this.#url } : {};
    const backend = createPgvector({ ...place, schema: options.schema ?? this.schema(), ...options });
    await backend.open();
    this.#ends.push(() => backend.close());
    return backend;
  }

  /** A pool that writes down what is sent over it. `settings`: of its sessions, as `-c name=value`. */
  spy(settings = ''): { readonly pool: pg.Pool; readonly sent: Sent[] } {
    const sent: Sent[] = [];
    class Spy extends pg.Client {
      // The overloads of the driver are not ours to repeat: what is sent is handed on as it is.
      override query = ((...args: unknown[]): unknown => {
        const [statement] = args;
        if (typeof statement === 'object' && statement !== null && 'text' in statement) sent.push(statement as Sent);
        return (pg.Client.prototype.query as (...all: unknown[]) => unknown).apply(this, args);
      }) as pg.Client['query'];
    }
    const pool = new pg.Pool({
      connectionString: this.#url,
      Client: Spy,
      ...(settings !== '' && { options: settings }),
    });
    this.#ends.push(() => pool.end());
    return { pool, sent };
  }

  /** Runs statements as the superuser. */
  async admin(...statements: readonly string[]): Promise<void> {
    const client = new pg.Client({ connectionString: this.#url });
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }

  /** Rows of a statement, as the superuser. */
  async rows<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    const client = new pg.Client({ connectionString: this.#url });
    await client.connect();
    try {
      return (await client.query<Row>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  }
}

/** Vectors in clusters, which an index is of use for. */
export function clustered(count: number, dimension: number): Float32Array[] {
  let state = 7;
  const next = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  const centres = Array.from({ length: 20 }, () => Float32Array.from({ length: dimension }, () => next() * 4));
  return Array.from({ length: count }, (_, index) =>
    (centres[index % centres.length] ?? new Float32Array(dimension)).map((value) => value + next()),
  );
}
