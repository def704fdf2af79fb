import { type Call, type InfoRow, type RowOutcome, recordId, stepFailed, type WriteRow } from '@storage/backend-kit';
import { isStorageError, type StorageError, type StorageErrorCode } from '@storage/core';
import { compareCodePoints } from '@storage/core/filter';
import { isPlainJson, keyOf, type WriteOp, type WriteResult } from '@storage/sql';
import { alreadyExists } from './postgres-errors.ts';
import type { Row } from './postgres-pool.ts';
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
    for (const group of groupsOf(ops)) {
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
    const groups = groupsOf(ops);
    const [only] = groups;
    if (only === undefined) return [];
    try {
      // One statement needs no transaction around it, unless a lost condition has to undo the others of it.
      if (groups.length === 1 && (ops.length === 1 || ops.every(isUnconditional)))
        return await runAll(this.#rows, groups, ops.length, call);
      return await this.#together(groups, ops.length, call);
    } catch (error) {
      if (!isStorageError(error) || error.details?.['index'] !== undefined) throw error;
      if (ops.length === 1) throw error.applied === 'no' ? stepFailed(error, 0) : error;
      if (error.applied !== 'no' || !ofMembers.has(error.code)) throw error;
      // Refused as a whole: one by one, the server tells which it was.
      return this.#together(
        ops.map((op, index) => alone({ op, index })),
        ops.length,
        call,
      );
    }
  }

  #together(groups: readonly Group[], count: number, call: Call): Promise<readonly WriteResult[]> {
    return this.#rows.session.transaction(call, (session) => runAll(this.#rows.on(session), groups, count, call));
  }
}

async function runAll(
  rows: PostgresRecordRows,
  groups: readonly Group[],
  count: number,
  call: Call,
): Promise<readonly WriteResult[]> {
  const results: WriteResult[] = new Array(count);
  for (const segment of bySegment(groups)) {
    let failed: { readonly index: number; readonly error: StorageError } | undefined;
    for (const { places, run } of segment) {
      const outcomes = await run(rows, call).catch((error: unknown) => {
        const [only] = places;
        throw only !== undefined && places.length === 1 && isStorageError(error)
          ? stepFailed(error, only.index)
          : error;
      });
      for (const [i, { index }] of places.entries()) {
        const outcome = outcomes[i];
        if (outcome?.ok) results[index] = outcome.value;
        else if (outcome !== undefined && (failed === undefined || index < failed.index))
          failed = { index, error: outcome.error };
      }
    }
    if (failed !== undefined) throw stepFailed(failed.error, failed.index);
  }
  return results;
}

/** Groups whose steps stand side by side: of several that fail, the first is told. */
function bySegment(groups: readonly SegmentGroup[]): readonly (readonly Group[])[] {
  const segments = new Map<number, Group[]>();
  for (const group of groups) {
    const segment = group.segment ?? 0;
    segments.set(segment, [...(segments.get(segment) ?? []), group]);
  }
  return [...segments.values()];
}

interface SegmentGroup extends Group {
  readonly segment?: number;
}

function isUnconditional(op: WriteOp): boolean {
  return op.type === 'write' ? op.row.condition === undefined : op.etag === undefined;
}

async function apply(rows: PostgresRecordRows, op: WriteOp, call: Call): Promise<WriteResult> {
  if (op.type === 'write') return rows.write(op.ns, op.row, call);
  return (await rows.remove(op.ns, op.key, op.etag, call)) || !op.report;
}

function alone(place: Placed): SegmentGroup {
  return {
    segment: place.index,
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

/** Cuts operations into statements: where a key comes again, what follows waits for what went before. */
function groupsOf(ops: readonly WriteOp[]): readonly SegmentGroup[] {
  const groups: SegmentGroup[] = [];
  let segment = 0;
  let ids = new Set<string>();
  let places: Placed[] = [];
  const cut = (): void => {
    for (const group of segmentGroups(places)) groups.push({ ...group, segment });
    segment++;
    ids = new Set();
    places = [];
  };
  for (const [index, op] of ops.entries()) {
    const id = recordId(op.ns, keyOf(op));
    if (ids.has(id)) cut();
    ids.add(id);
    places.push({ index, op });
  }
  cut();
  return groups;
}

/** The statements for operations on keys that all differ. */
function segmentGroups(places: readonly Placed[]): readonly Group[] {
  const plain: WritePlace[] = [];
  const absent: WritePlace[] = [];
  const removes = new Map<string, RemovePlace[]>();
  const single: Placed[] = [];
  for (const place of [...places].sort(byKey)) {
    const { op } = place;
    if (op.type === 'write') {
      if (op.row.condition === undefined) plain.push(place as WritePlace);
      else if (op.row.condition.type === 'absent') absent.push(place as WritePlace);
      else single.push(place);
    } else if (op.etag !== undefined) single.push(place);
    else removes.set(op.ns, [...(removes.get(op.ns) ?? []), place as RemovePlace]);
  }
  return [
    ...cutBySize(plain).flatMap((part) => (part.length === 1 ? part.map(alone) : [upsert(part)])),
    ...cutBySize(absent).flatMap((part) => (part.length === 1 ? part.map(alone) : [insert(part)])),
    ...[...removes].map(([ns, part]) => removeMany(ns, part)),
    ...single.map(alone),
  ];
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

function removeMany(ns: string, places: readonly RemovePlace[]): Group {
  return {
    places,
    run: async (rows, call) => {
      const answer = await rows.change(rows.texts.removeMany, [ns, places.map(({ op }) => op.key), rows.now()], call);
      const gone = new Set(answer.rows.map(([key]) => key));
      return places.map(({ op }) => ({ ok: true, value: gone.has(op.key) || !op.report }));
    },
  };
}
