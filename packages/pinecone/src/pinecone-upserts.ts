import {
  AsyncCoalescer,
  type Call,
  type Gathered,
  inParts,
  partsOf,
  type RowOutcome,
  recordId,
} from '@storage/backend-kit';
import type { StorageError } from '@storage/core';
import { translatePinecone } from './pinecone-errors.ts';
import { type PineconeIndex, requestLimits } from './pinecone-index.ts';
import type { EncodedRecord } from './pinecone-records.ts';

/** One document of an upsert that is gathered with others. */
interface Put {
  readonly index: PineconeIndex;
  readonly place: string;
  readonly record: EncodedRecord;
  /** When the time of its call is over. */
  readonly deadline: number | undefined;
}

const upsertLimits = { count: requestLimits.upsertRecords, bytes: requestLimits.upsertBytes };
/** How many requests of one batch are under way at once. */
const upsertsAtOnce = 4;
/** How many gathered upserts go together. */
const maxGathered = 500;

const translate = (thrown: unknown): StorageError =>
  translatePinecone(thrown, { operation: 'vectors.upsert', key: undefined, write: true });

/** A document of an upsert, under its own id. */
export interface UpsertItem {
  readonly id: string;
  readonly record: EncodedRecord;
}

/** Sends upserts: one document with others that come meanwhile, many in parts. */
export class Upserts {
  readonly #put: Gathered<Put, void>;

  constructor() {
    this.#put = new AsyncCoalescer().lane<Put, void>({
      run: putGathered,
      write: true,
      // What was lost on the way has been tried again by the transport.
      idempotent: false,
      maxBatch: maxGathered,
    });
  }

  send(index: PineconeIndex, place: string, items: readonly UpsertItem[], call: Call): Promise<void> {
    const [only] = items;
    if (only !== undefined && items.length === 1) {
      const id = recordId(`${index.facts.host} ${place}`, only.record.id);
      return this.#put(id, { index, place, record: only.record, deadline: call.deadline }, call);
    }
    const parts = partsOf(items, upsertLimits, ({ record: { bytes } }) => bytes);
    const records = (part: readonly UpsertItem[]): readonly EncodedRecord[] => part.map(({ record }) => record);
    // A failure names documents by their own ids.
    return inParts(parts, (part) => index.upsert(place, records(part), call), translate, upsertsAtOnce);
  }
}

/** Sends upserts that came together: a request for each namespace, or more where they are large. */
async function putGathered(batch: readonly Put[], call: Call): Promise<readonly RowOutcome<void>[]> {
  const groups = new Map<string, Put[]>();
  for (const put of batch) {
    const key = `${put.index.facts.host} ${put.place}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [put]);
    else group.push(put);
  }
  if (groups.size === 1 && fitsOne(batch)) {
    await send(batch, call);
    return batch.map(() => ({ ok: true, value: undefined }));
  }
  const outcomes = new Map<Put, RowOutcome<void>>();
  const parts = [...groups.values()].flatMap((group) => [
    ...partsOf(group, upsertLimits, ({ record: { bytes } }) => bytes),
  ]);
  await Promise.all(
    parts.map(async (part) => {
      const outcome = await settle(send(part, call));
      for (const put of part) outcomes.set(put, outcome);
    }),
  );
  return batch.map((put) => outcomes.get(put) ?? { ok: true, value: undefined });
}

function fitsOne(batch: readonly Put[]): boolean {
  const bytes = batch.reduce((sum, { record }) => sum + record.bytes, 0);
  return batch.length <= upsertLimits.count && bytes <= upsertLimits.bytes;
}

async function send(part: readonly Put[], call: Call): Promise<void> {
  const [first] = part;
  if (first === undefined) return;
  const records = part.map(({ record }) => record);
  // As long as one of the callers waits, a pause that the server asks for is worth it.
  const deadline = part.reduce((latest, each) => Math.max(latest, each.deadline ?? Number.POSITIVE_INFINITY), 0);
  const until: Call = {
    signal: call.signal,
    deadline: Number.isFinite(deadline) ? deadline : undefined,
    check: () => call.check(),
  };
  await first.index.upsert(first.place, records, until);
}

async function settle(pending: Promise<void>): Promise<RowOutcome<void>> {
  try {
    await pending;
    return { ok: true, value: undefined };
  } catch (error) {
    return { ok: false, error: translate(error) };
  }
}
