import {
  alreadyExists,
  type Call,
  type InfoRow,
  type RowOutcome,
  recordId,
  stepFailed,
  type WriteRow,
} from '@storage/backend-kit';
import { isStorageError, type StorageError, type StorageErrorCode } from '@storage/core';
import { compareCodePoints } from '@storage/core/filter';
import { isPlainJson, keyOf, type WriteOp, type WriteResult } from '@storage/sql';
import type { Row } from '@storage/sql/pg';
import { type PostgresRecordRows, written } from './postgres-record-rows.ts';

/** How much content one statement carries; a single larger value goes alone. */
const statementBytes = 8 * 1024 * 1024;

interface Placed<Op extends WriteOp = WriteOp> {
  readonly index: number;
  readonly op: Op;
}
type WritePlace = Placed<Extract<WriteOp, { type: 'write' }>>;
type RemovePlace = Placed<Extract<WriteOp, { type: 'remove' }>>;

/** Work that is one statement. */
interface Group {
  readonly places: readonly Placed[];
  run(rows: PostgresRecordRows, call: Call): Promise<readonly RowOutcome<WriteResult>[]>;
}

/** The order in which rows are locked, everywhere. */
function byKey({ op: a }: Placed, { op: b }: Placed): number {
  return compareCodePoints(a.ns, b.ns) || compareCodePoints(keyOf(a), keyOf(b));
}

/** What came of a definite refusal that may be the fault of a single member. */
const ofMembers: ReadonlySet<StorageErrorCode> = new Set(['too_large', 'invalid_argument', 'internal']);

/** A verdict on the member alone, which leaves others as they are. */
function isLost({ code }: StorageError): boolean {
  return code === 'conflict' || code === 'already_exists';
}

/** Several writes, in as few statements as they need. */
export class PostgresWrites {
  readonly #rows: PostgresRecordRows;

  constructor(rows: PostgresRecordRows) {
    this.#rows = rows;
  }

  /** What was gathered: of one alone, the error is thrown as it is. */
  async gathered(ops: readonly WriteOp[], call: Call): Promise<readonly RowOutcome<WriteResult>[]> {
    const [first] = ops;
    if (first === undefined || ops.length > 1) return this.eachForItself(ops, call);
    return [{ ok: true, value: await apply(this.#rows, first, call) }];
  }

  /** Each with its own outcome, in order. */
  async eachForItself(ops: readonly WriteOp[], call: Call): Promise<readonly RowOutcome<WriteResult>[]> {
    const outcomes: RowOutcome<WriteResult>[] = [];
    for (const group of wavesOf(ops).flatMap(byKind)) {
      const found = await this.#outcomes(group, call).catch((error: unknown) => {
        // Where some members were carried out already, each hears what became of it.
        if (outcomes.length === 0 || !isStorageError(error)) throw error;
        return group.places.map(() => ({ ok: false as const, error }));
      });
      for (const [i, { index }] of group.places.entries()) {
        const outcome = found[i];
        if (outcome !== undefined) outcomes[index] = outcome;
      }
    }
    return outcomes;
  }

  async #outcomes(group: Group, call: Call): Promise<readonly RowOutcome<WriteResult>[]> {
    try {
      return await group.run(this.#rows, call);
    } catch (error) {
      if (!isStorageError(error)) throw error;
      const single = group.places.length === 1;
      const refused = error.applied === 'no' && ofMembers.has(error.code);
      if (single && (refused || isLost(error))) return [{ ok: false, error }];
      if (single || !refused || this.#rows.session.inTransaction) throw error;
      const outcomes: RowOutcome<WriteResult>[] = [];
      for (const place of group.places) outcomes.push(...(await this.#outcomes(alone(place), call)));
      return outcomes;
    }
  }

  /** All or none; the first failure says which it was. */
  async allOrNone(ops: readonly WriteOp[], call: Call): Promise<readonly WriteResult[]> {
    const waves = wavesOf(ops).map(inOrder);
    const [first] = waves;
    if (first === undefined) return [];
    try {
      // One statement needs no transaction around it, unless a lost condition has to undo the others of it.
      const single = waves.length === 1 && first.length === 1 && (ops.length === 1 || ops.every(isUnconditional));
      if (single) return await runAll(this.#rows, waves, ops.length, call);
      return await this.#together(waves, ops.length, call);
    } catch (error) {
      if (!isStorageError(error) || error.details?.['index'] !== undefined) throw error;
      if (ops.length === 1) throw error.applied === 'no' ? stepFailed(error, 0) : error;
      if (error.applied !== 'no' || !ofMembers.has(error.code)) throw error;
      // Refused as a whole: one by one, the server tells which it was.
      const each = ops.map((op, index) => [alone({ op, index })]);
      return this.#together(each, ops.length, call);
    }
  }

  #together(waves: readonly Wave[], count: number, call: Call): Promise<readonly WriteResult[]> {
    return this.#rows.session.transaction(call, (session) => runAll(this.#rows.on(session), waves, count, call));
  }
}

/** Statements on keys that all differ. */
type Wave = readonly Group[];

async function runAll(
  rows: PostgresRecordRows,
  waves: readonly Wave[],
  count: number,
  call: Call,
): Promise<readonly WriteResult[]> {
  const results: WriteResult[] = new Array(count);
  let failed: { readonly index: number; readonly error: StorageError } | undefined;
  for (const { places, run } of waves.flat()) {
    // Behind a failure only what stands in front of it may still be the first.
    if (failed !== undefined && places.every(({ index }) => index > (failed?.index ?? 0))) continue;
    const outcomes = await run(rows, call).catch((error: unknown) => {
      const [only] = places;
      throw only !== undefined && places.length === 1 && isStorageError(error) ? stepFailed(error, only.index) : error;
    });
    for (const [i, { index }] of places.entries()) {
      const outcome = outcomes[i];
      if (outcome?.ok) results[index] = outcome.value;
      else if (outcome !== undefined && (failed === undefined || index < failed.index))
        failed = { index, error: outcome.error };
    }
  }
  if (failed !== undefined) throw stepFailed(failed.error, failed.index);
  return results;
}

function isUnconditional(op: WriteOp): boolean {
  return op.type === 'write' ? op.row.condition === undefined : op.etag === undefined;
}

async function apply(rows: PostgresRecordRows, op: WriteOp, call: Call): Promise<WriteResult> {
  if (op.type === 'write') return rows.write(op.ns, op.row, call);
  return (await rows.remove(op.ns, op.key, op.etag, call)) || !op.report;
}

function alone(place: Placed): Group {
  return {
    places: [place],
    run: async (rows, call) => {
      try {
        return [{ ok: true, value: await apply(rows, place.op, call) }];
      } catch (error) {
        if (isStorageError(error) && isLost(error)) return [{ ok: false, error }];
        throw error;
      }
    },
  };
}

/** The first operations on each key, the second ones, and so on, each in the order of the keys: only on one key order matters. */
function wavesOf(ops: readonly WriteOp[]): readonly (readonly Placed[])[] {
  const waves: Placed[][] = [];
  const counts = new Map<string, number>();
  for (const [index, op] of ops.entries()) {
    const id = recordId(op.ns, keyOf(op));
    const before = counts.get(id) ?? 0;
    counts.set(id, before + 1);
    const wave = waves[before];
    if (wave === undefined) waves.push([{ index, op }]);
    else wave.push({ index, op });
  }
  return waves.map((wave) => wave.sort(byKey));
}

/** What can share a statement. */
function kindOf({ op }: Placed): string {
  if (op.type === 'remove') return op.etag === undefined ? `remove ${op.ns}` : 'single';
  const { condition } = op.row;
  return condition === undefined ? 'upsert' : condition.type === 'absent' ? 'insert' : 'single';
}

function statements(kind: string, places: readonly Placed[]): Wave {
  if (places.length === 1 || kind === 'single') return places.map(alone);
  if (kind === 'upsert' || kind === 'insert') {
    const make = kind === 'upsert' ? upsert : insert;
    return cutBySize(places as readonly WritePlace[]).flatMap((part) =>
      part.length === 1 ? part.map(alone) : [make(part)],
    );
  }
  return [removeMany(places as readonly RemovePlace[])];
}

/** The fewest statements, in any order: each is for itself. */
function byKind(places: readonly Placed[]): Wave {
  const kinds = new Map<string, Placed[]>();
  for (const place of places) {
    const kind = kindOf(place);
    const of = kinds.get(kind);
    if (of === undefined) kinds.set(kind, [place]);
    else of.push(place);
  }
  return [...kinds].flatMap(([kind, of]) => statements(kind, of));
}

/** Statements that together take their locks in the order of the keys, so that transactions can't wait for one another in a circle. */
function inOrder(places: readonly Placed[]): Wave {
  const runs: { readonly kind: string; readonly places: Placed[] }[] = [];
  for (const place of places) {
    const kind = kindOf(place);
    const last = runs.at(-1);
    if (last?.kind === kind) last.places.push(place);
    else runs.push({ kind, places: [place] });
  }
  return runs.flatMap((run) => statements(run.kind, run.places));
}

function cutBySize(places: readonly WritePlace[]): readonly (readonly WritePlace[])[] {
  const parts: WritePlace[][] = [];
  let bytes = 0;
  for (const place of places) {
    const { size, metadata } = place.op.row;
    bytes += size + metadata.length;
    const last = parts.at(-1);
    if (last === undefined || bytes > statementBytes) {
      parts.push([place]);
      bytes = size + metadata.length;
    } else last.push(place);
  }
  return parts;
}

function values(places: readonly WritePlace[], now: number | null): readonly unknown[] {
  const rows = places.map(({ op }) => op.row);
  return [
    places.map(({ op }) => op.ns),
    rows.map(({ key }) => key),
    rows.map(({ etag }) => etag),
    rows.map(({ ttlMs }) => ttlMs),
    rows.map(({ size }) => size),
    rows.map(({ contentType }) => contentType),
    rows.map(({ metadata }) => metadata),
    rows.map(({ content }) => (typeof content === 'string' ? content : null)),
    rows.map(({ content }) => (typeof content === 'string' ? null : asBuffer(content))),
    now,
  ];
}

/** What the driver writes into an array of bytes. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

function plainValues(places: readonly WritePlace[], now: number | null): readonly unknown[] {
  const rows = places.map(({ op }) => op.row);
  return [
    places.map(({ op }) => op.ns),
    rows.map(({ key }) => key),
    rows.map(({ etag }) => etag),
    rows.map(({ size }) => size),
    rows.map(({ content }) => content),
    now,
  ];
}

function isPlain(row: WriteRow): boolean {
  return typeof row.content === 'string' && isPlainJson(row);
}

function toOutcome(place: WritePlace | undefined, row: Row): RowOutcome<InfoRow> {
  const { row: head } = (place as WritePlace).op;
  return { ok: true, value: written(head, head.size, row.slice(1)) };
}

function upsert(places: readonly WritePlace[]): Group {
  return {
    places,
    run: async (rows, call) => {
      const plain = places.every(({ op }) => isPlain(op.row));
      const { texts } = rows;
      const now = rows.now();
      const answer = plain
        ? await rows.change(texts.writeManyJson, plainValues(places, now), call)
        : await rows.change(texts.writeMany, values(places, now), call);
      return answer.rows.map((row, index) => toOutcome(places[index], row));
    },
  };
}

function insert(places: readonly WritePlace[]): Group {
  return {
    places,
    run: async (rows, call) => {
      const answer = await rows.change(rows.texts.writeManyAbsent, values(places, rows.now()), call);
      const won = new Map(answer.rows.map((row) => [recordId(row[4] as string, row[0] as string), row]));
      const etags = new Map<string, ReadonlyMap<string, string>>();
      const outcomes: RowOutcome<InfoRow>[] = [];
      for (const place of places) {
        const { ns, row } = place.op;
        const times = won.get(recordId(ns, row.key));
        if (times !== undefined) outcomes.push(toOutcome(place, times));
        else {
          const keys = places.flatMap(({ op }) => (op.ns === ns ? [op.row.key] : []));
          const present = etags.get(ns) ?? (await rows.etags(ns, keys, call));
          etags.set(ns, present);
          outcomes.push({ ok: false, error: alreadyExists(row.key, present.get(row.key)) });
        }
      }
      return outcomes;
    },
  };
}

function removeMany(places: readonly RemovePlace[]): Group {
  const ns = places[0]?.op.ns ?? '';
  return {
    places,
    run: async (rows, call) => {
      const answer = await rows.change(rows.texts.removeMany, [ns, places.map(({ op }) => op.key), rows.now()], call);
      const gone = new Set(answer.rows.map(([key]) => key));
      return places.map(({ op }) => ({ ok: true, value: gone.has(op.key) || !op.report }));
    },
  };
}
