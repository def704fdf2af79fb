import { createHash } from 'node:crypto';
import {
  type CompiledFilter,
  type CompiledLeaf,
  compileFilter,
  describeError,
  type WriteRow,
} from '@storage/backend-kit';
import { type FilterLeaf, type FilterNode, joinPath, valueAt } from '@storage/core/filter';
import type { RedisArgument } from './redis-connection.ts';
import type { RedisEngine } from './redis-engine.ts';
import type { RedisField } from './redis-options.ts';
import { scripts } from './redis-scripts.ts';

/** A filter as RediSearch reads it, and the fields that it needs. */
export interface RedisQuery {
  readonly text: string;
  readonly fields: ReadonlySet<string>;
}

/** Letters and digits alone, so that nothing in it means something to RediSearch. Of 128 bits: two texts do not share one. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** What every indexed record has, whatever stands under the path. */
const present = 'p';
const absent = 'a';
const exists = 'e';
const strings = 'x';
/** Several numbers in one array, of which a numeric field holds none. */
const numbers = 'k';

function token(value: unknown): string {
  return typeof value === 'boolean'
    ? value
      ? 'b1'
      : 'b0'
    : `${typeof value === 'number' ? 'n' : 's'}${digest(String(value === 0 ? 0 : value))}`;
}

/** What a filter sees of a value: itself, or the scalar elements of an array. */
function candidates(value: unknown): readonly unknown[] {
  const list = Array.isArray(value) ? value : [value];
  return list.filter((one) => typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean');
}

/**
 * Declared fields, indexed by RediSearch where the server has it. Beside each record stand, for each path, a list of tags and
 * perhaps a number. What is found is a superset of the matches and is rechecked: values are told by digests, ranges include
 * their ends, and of texts only that they are texts is known.
 */
export class RedisSearch {
  readonly fields: readonly RedisField[];
  /** How many pairs of field and value stand beside each record. */
  readonly fieldCount: number;
  /** Names the fields that stand beside a record; empty: none. */
  readonly shape: string;
  readonly #names: ReadonlyMap<string, string>;
  #index = '';
  #ready = false;

  constructor(fields: readonly RedisField[]) {
    this.fields = fields;
    this.fieldCount = fields.length === 0 ? 0 : 1 + 2 * fields.length;
    this.#names = new Map(fields.map(({ name }) => [name, digest(name).slice(0, 16)]));
    this.shape = fields.length === 0 ? '' : digest([...this.#names.values()].sort().join()).slice(0, 16);
  }

  /** Whether the server answers. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Makes the index where the server can; another process may have made it. */
  async open({ connection, layout }: RedisEngine): Promise<void> {
    if (connection.clustered) return;
    const names = [...this.#names.values()].sort();
    this.#index = `${layout.prefix}index:${this.shape}`;
    const schema = names.flatMap((name) => [`t${name}`, 'TAG', 'CASESENSITIVE', `n${name}`, 'NUMERIC']);
    const args = ['ON', 'HASH', 'PREFIX', 1, `${layout.prefix}{`, 'SCHEMA', 'N', 'TAG', 'CASESENSITIVE', ...schema];
    try {
      await connection.command('ft.create', [this.#index, ...args]);
      this.#ready = true;
    } catch (error) {
      const { message } = describeError(error);
      this.#ready = /already exists/i.test(message);
      // A server without RediSearch, or a database that it does not serve: then filters are scans.
      if (!this.#ready && !/unknown command|on db != 0|NOPERM/i.test(message)) throw error;
    }
  }

  /** What stands beside a record for the index. */
  fieldsOf(ns: string, row: WriteRow): readonly RedisArgument[] {
    if (this.fieldCount === 0) return [];
    const document = {
      data: row.kind === 'json' && typeof row.content === 'string' ? (JSON.parse(row.content) as unknown) : undefined,
      metadata: JSON.parse(row.metadata) as unknown,
    };
    const pairs: RedisArgument[] = ['N', digest(ns)];
    for (const { name, path } of this.fields) {
      const short = this.#names.get(name) as string;
      const value = valueAt(document, path);
      const found = candidates(value);
      const numeric = found.filter((one) => typeof one === 'number');
      const gone = value === undefined || value === null || (Array.isArray(value) && value.length === 0);
      const tags = new Set([present, gone ? absent : exists, ...found.map(token)]);
      if (found.some((one) => typeof one === 'string')) tags.add(strings);
      if (numeric.length > 1) tags.add(numbers);
      const tagged: [string, string] = [`t${short}`, [...tags].join()];
      // Every record has the same number of pairs; one that stands twice does no harm.
      pairs.push(...tagged, ...(numeric.length === 1 ? [`n${short}`, String(numeric[0])] : tagged));
    }
    return pairs;
  }

  compile(filter: FilterNode): CompiledFilter<RedisQuery> {
    if (!this.#ready) return { native: undefined, precision: 'superset' };
    const { native } = compileFilter<RedisQuery>(filter, {
      backend: 'redis',
      leaf: (leaf, negated) => this.#leaf(leaf, negated),
      and: (children) => combine(children, ' '),
      or: (children) => combine(children, '|'),
      postFilter: true,
    });
    return { native, precision: 'superset' };
  }

  #leaf(leaf: FilterLeaf, negated: boolean): CompiledLeaf<RedisQuery> {
    const name = this.#names.get(joinPath(leaf.path));
    const text = name === undefined ? undefined : leafText(name, leaf, negated);
    if (name === undefined || text === undefined) return 'unsupported';
    return { precision: 'superset', fragment: { text, fields: new Set([name]) } };
  }

  /**
   * The keys among which every match is. Missing: not to be told by the index, because it does not hold every record (some were
   * stored before its fields were declared), or because there are more than `limit`.
   */
  async find(engine: RedisEngine, ns: string, query: RedisQuery, limit: number): Promise<string[] | undefined> {
    if (!this.#ready) return undefined;
    const scope = `@N:{${digest(ns)}}`;
    const complete = [scope, ...[...query.fields].map((name) => `@t${name}:{${present}}`)].join(' ');
    const [bucket, ...others] = engine.layout.of(ns);
    if (bucket === undefined || others.length > 0) return undefined;
    const found = (await engine.run(
      scripts.search,
      [bucket.order, bucket.expiry, bucket.shapes],
      [this.#index, this.shape, complete, `${scope} ${query.text}`, limit + 1, bucket.records],
    )) as string[] | null;
    if (found === null || found.length > limit) return undefined;
    return found.map((name) => name.slice(bucket.records.length));
  }
}

function combine(children: readonly RedisQuery[], operator: string): RedisQuery {
  return {
    text: `(${children.map(({ text }) => text).join(operator)})`,
    fields: new Set(children.flatMap(({ fields }) => [...fields])),
  };
}

/**
 * What a condition comes to. Nothing is ever negated in a query: RediSearch 2.10 misses documents where a union has a negation below an
 * intersection. What is left out is found by the recheck.
 */
function leafText(name: string, leaf: FilterLeaf, negated: boolean): string | undefined {
  const tags = (of: string): string => `@t${name}:{${of}}`;
  if (leaf.op === 'exists') return tags(negated ? absent : exists);
  if (negated) return undefined;
  switch (leaf.op) {
    case 'eq':
      return tags(token(leaf.value));
    case 'in':
      return tags(leaf.value.map(token).join('|'));
    case 'startsWith':
      return tags(strings);
    default: {
      if (typeof leaf.value === 'string') return tags(strings);
      const range = leaf.op === 'gt' || leaf.op === 'gte' ? `${leaf.value} +inf` : `-inf ${leaf.value}`;
      return `(@n${name}:[${range}]|${tags(numbers)})`;
    }
  }
}
