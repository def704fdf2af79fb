import {
  alreadyExists,
  conflict,
  type InfoRow,
  type RowOutcome,
  type WriteHead,
  type WriteRow,
} from '@storage/backend-kit';
import { StorageError, withContext } from '@storage/core';
import type { RedisArgument } from './redis-connection.ts';
import { asStorageError, type Group, inSteps, type RedisEngine } from './redis-engine.ts';
import { listOf, wrongType } from './redis-errors.ts';
import { writeArguments, writtenRow } from './redis-rows.ts';
import { scripts } from './redis-scripts.ts';
import type { RedisSearch } from './redis-search.ts';

/** A write that knows its namespace. */
export interface WriteOp {
  readonly ns: string;
  readonly row: WriteRow;
}

/** A delete that knows its namespace. */
export interface RemoveOp {
  readonly ns: string;
  readonly key: string;
  readonly etag: string | undefined;
}

/** How many arguments of a row come before further fields. */
const fixedWidth = 7;

/** The error that a script's answer stands for. Missing: it went well. */
export function refusalOf(answer: string, key: string): StorageError | undefined {
  if (!answer.startsWith('!')) return undefined;
  switch (answer[1]) {
    case 'a':
      return alreadyExists(key, answer.slice(2));
    case 'c':
      return conflict(key);
    case 's':
      return new StorageError({
        code: 'unavailable',
        message: 'The chunks of the stream were gone before its end: it took too long, or the server evicted them.',
        key,
        applied: 'no',
      });
    default:
      return wrongType(key);
  }
}

/** The script that writes, for rows of one bucket each. */
export class RedisWrites {
  readonly #engine: RedisEngine;
  readonly #search: RedisSearch;
  readonly #width: number;

  constructor(engine: RedisEngine, search: RedisSearch) {
    this.#engine = engine;
    this.#search = search;
    this.#width = fixedWidth + 2 * search.fieldCount;
  }

  /** Each with its own outcome, in order; of a key that stands twice the later comes last. What is not known of a step, its rows tell. */
  async store(ops: readonly WriteOp[]): Promise<RowOutcome<InfoRow>[]> {
    const [first] = ops;
    if (first !== undefined && ops.length === 1) return [await this.#storeOne(first)];
    const { layout, bulkLimit } = this.#engine;
    if (ops.some(({ row }) => row.size > bulkLimit)) return this.#storeApart(ops);
    await this.#announce(ops);
    const outcomes = new Array<RowOutcome<InfoRow>>(ops.length);
    const steps = inSteps(
      ops,
      ({ ns, row }) => layout.bucketOf(ns, row.key),
      ({ row }) => row.size,
    );
    await this.#inOrder(
      steps,
      ops,
      ({ ns, row }) => `${ns}\0${row.key}`,
      async (step) => {
        try {
          const [now, ...answers] = listOf<string>(await this.#send(step, false));
          for (const [index, place] of step.places.entries()) {
            const { row } = step.members[index] as WriteOp;
            outcomes[place] = written(row, Number(now), answers[index] ?? '');
          }
        } catch (error) {
          fail(outcomes, step, asStorageError(error, 'records.store', true));
        }
      },
    );
    return outcomes;
  }

  /** One alone, which most are: no more than it takes. */
  async #storeOne({ ns, row }: WriteOp): Promise<RowOutcome<InfoRow>> {
    const engine = this.#engine;
    try {
      engine.checkBulk(row.size);
      const announcing = engine.announce(ns);
      if (announcing !== undefined) await announcing;
      const { order, expiry, shapes, records, chunks } = engine.layout.bucketOf(ns, row.key);
      const args = writeArguments(row, this.#search.fieldsOf(ns, row));
      args.unshift(chunks, 0, this.#width, this.#search.shape);
      const reply = await engine.run(scripts.write, [order, expiry, shapes, records + row.key], args);
      const [now = '', answer = ''] = listOf<string>(reply);
      return written(row, Number(now), answer);
    } catch (error) {
      return { ok: false, error: asStorageError(error, 'records.store', true) };
    }
  }

  async #removeOne({ ns, key, etag }: RemoveOp): Promise<RowOutcome<boolean>> {
    const { order, expiry, shapes, records, chunks } = this.#engine.layout.bucketOf(ns, key);
    try {
      const keys = [order, expiry, shapes, records + key];
      const [answer = 0] = listOf<string | number>(
        await this.#engine.run(scripts.remove, keys, [chunks, key, etag ?? '']),
      );
      return removed(answer, key);
    } catch (error) {
      return { ok: false, error: asStorageError(error, 'records.delete', true) };
    }
  }

  /** One by one, where some are larger than the server takes. */
  async #storeApart(ops: readonly WriteOp[]): Promise<RowOutcome<InfoRow>[]> {
    const outcomes: RowOutcome<InfoRow>[] = [];
    for (const op of ops) {
      try {
        this.#engine.checkBulk(op.row.size);
        outcomes.push(...(await this.store([op])));
      } catch (error) {
        outcomes.push({ ok: false, error: asStorageError(error, 'records.store', true) });
      }
    }
    return outcomes;
  }

  /** All or none; they are of one bucket. Rejects with the first refusal and its place. */
  async storeAtomic(ops: readonly WriteOp[]): Promise<RowOutcome<InfoRow>[]> {
    for (const { row } of ops) this.#engine.checkBulk(row.size);
    await this.#announce(ops);
    const { layout } = this.#engine;
    const [step] = inSteps(ops, ({ ns, row }) => layout.bucketOf(ns, row.key), undefined, true);
    if (step === undefined) return [];
    const [now, ...answers] = listOf<string | number>(await this.#send(step, true));
    const [place, refused] = answers;
    if (typeof place === 'number') {
      const index = place - 1;
      const error = refusalOf(String(refused), step.members[index]?.row.key ?? '');
      throw withContext(error, { details: { index } });
    }
    return step.members.map(({ row }, index) => written(row, Number(now), String(answers[index] ?? '')));
  }

  async remove(ops: readonly RemoveOp[]): Promise<RowOutcome<boolean>[]> {
    const [first] = ops;
    if (first !== undefined && ops.length === 1) return [await this.#removeOne(first)];
    const { layout } = this.#engine;
    const outcomes = new Array<RowOutcome<boolean>>(ops.length);
    const steps = inSteps(ops, ({ ns, key }) => layout.bucketOf(ns, key));
    await this.#inOrder(
      steps,
      ops,
      ({ ns, key }) => `${ns}\0${key}`,
      async (step) => {
        try {
          const answers = await this.#sendRemove(step);
          for (const [index, place] of step.places.entries())
            outcomes[place] = removed(answers[index] ?? 0, step.members[index]?.key ?? '');
        } catch (error) {
          fail(outcomes, step, asStorageError(error, 'records.delete', true));
        }
      },
    );
    return outcomes;
  }

  /** All in one script; none is conditional, so none is refused. */
  async removeAtomic(ops: readonly RemoveOp[]): Promise<RowOutcome<boolean>[]> {
    const { layout } = this.#engine;
    const [step] = inSteps(ops, ({ ns, key }) => layout.bucketOf(ns, key), undefined, true);
    if (step === undefined) return [];
    const answers = await this.#sendRemove(step);
    return step.members.map(({ key }, index) => removed(answers[index] ?? 0, key));
  }

  async #sendRemove({ bucket, members }: Group<RemoveOp>): Promise<(string | number)[]> {
    const keys = [bucket.order, bucket.expiry, bucket.shapes, ...members.map(({ key }) => bucket.records + key)];
    const args = [bucket.chunks, ...members.flatMap(({ key, etag }) => [key, etag ?? ''])];
    return listOf<string | number>(await this.#engine.run(scripts.remove, keys, args));
  }

  #send({ bucket, members }: Group<WriteOp>, atomic: boolean): Promise<unknown> {
    const keys = [bucket.order, bucket.expiry, bucket.shapes];
    const args: RedisArgument[] = [bucket.chunks, atomic ? 1 : 0, this.#width, this.#search.shape];
    for (const { ns, row } of members) {
      keys.push(bucket.records + row.key);
      args.push(...writeArguments(row, this.#search.fieldsOf(ns, row)));
    }
    return this.#engine.run(scripts.write, keys, args);
  }

  /** Steps go at once, unless a key stands in two of them. */
  async #inOrder<T>(
    steps: readonly Group<T>[],
    ops: readonly T[],
    idOf: (op: T) => string,
    send: (step: Group<T>) => Promise<void>,
  ): Promise<void> {
    if (steps.length < 2 || new Set(ops.map(idOf)).size === ops.length) {
      await Promise.all(steps.map(send));
      return;
    }
    for (const step of steps) await send(step);
  }

  async #announce(ops: readonly { readonly ns: string }[]): Promise<void> {
    let last: string | undefined;
    for (const { ns } of ops) {
      if (ns === last) continue;
      last = ns;
      const announcing = this.#engine.announce(ns);
      if (announcing !== undefined) await announcing;
    }
  }
}

export function written(head: WriteHead & { readonly size: number }, now: number, answer: string): RowOutcome<InfoRow> {
  const error = refusalOf(answer, head.key);
  return error === undefined ? { ok: true, value: writtenRow(head, head.size, now, answer) } : { ok: false, error };
}

function removed(answer: string | number, key: string): RowOutcome<boolean> {
  const error = typeof answer === 'string' ? refusalOf(answer, key) : undefined;
  return error === undefined ? { ok: true, value: answer === 1 } : { ok: false, error };
}

function fail<T>(outcomes: RowOutcome<T>[], step: Group<unknown>, error: StorageError): void {
  for (const place of step.places) outcomes[place] = { ok: false, error };
}
