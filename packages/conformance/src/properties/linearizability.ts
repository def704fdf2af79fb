import type { KeyedRecords } from '@storage/core';
import fc from 'fast-check';
import { fail } from '../assert.ts';
import type { TestContext } from '../context.ts';
import { type Answer, answerOf, checkProperty } from './check.ts';

type Kind = 'store' | 'storeIfAbsent' | 'storeIfMatch' | 'delete' | 'deleteIfMatch' | 'retrieve';
interface Planned {
  readonly kind: Kind;
  /** How many turns of the event loop to wait before it. */
  readonly turns: number;
}

/** What a client saw: a record's etag and value, or that there was none. */
type Seen = { readonly etag: string; readonly value: string } | undefined;

/** A call that was made: when it began and ended, and what it answered. */
interface Event {
  readonly kind: Kind;
  readonly value: string;
  /** The condition that it was sent with. */
  readonly etag: string;
  readonly begin: number;
  readonly end: number;
  readonly answer: Answer<Seen | boolean>;
}

/** The state after an event, or `impossible` where its answer does not fit the state. */
function apply(state: Seen, event: Event): Seen | 'impossible' {
  const { answer, kind } = event;
  const holds =
    kind === 'storeIfAbsent'
      ? state === undefined
      : kind === 'storeIfMatch' || kind === 'deleteIfMatch'
        ? state?.etag === event.etag
        : true;
  if (!holds)
    return 'code' in answer && answer.code === (kind === 'storeIfAbsent' ? 'already_exists' : 'conflict')
      ? state
      : 'impossible';
  if ('code' in answer) return 'impossible';
  const { value } = answer;
  if (kind === 'retrieve') {
    const seen = value as Seen;
    return seen?.etag === state?.etag && seen?.value === state?.value ? state : 'impossible';
  }
  if (kind === 'delete' || kind === 'deleteIfMatch') return value === (state !== undefined) ? undefined : 'impossible';
  return value as Seen;
}

/** Whether some order of the events, true to what ended before what began, explains every answer. */
export function isLinearizable(events: readonly Event[]): boolean {
  const dead = new Set<string>();
  const search = (left: readonly Event[], state: Seen): boolean => {
    if (left.length === 0) return true;
    const id = `${left.map((event) => event.begin).join()}|${state?.etag ?? ''}`;
    if (dead.has(id)) return false;
    const firstEnd = Math.min(...left.map((event) => event.end));
    for (const event of left) {
      if (event.begin > firstEnd) continue;
      const next = apply(state, event);
      if (next === 'impossible') continue;
      if (
        search(
          left.filter((other) => other !== event),
          next,
        )
      )
        return true;
    }
    dead.add(id);
    return false;
  };
  return search(events, undefined);
}

async function runClient(
  records: KeyedRecords,
  key: string,
  client: number,
  plan: readonly Planned[],
  now: () => number,
): Promise<Event[]> {
  const events: Event[] = [];
  let etag = 'never';
  for (const [index, { kind, turns }] of plan.entries()) {
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    const value = `${client}.${index}`;
    const sent = etag;
    const begin = now();
    const answer = await answerOf<Seen | boolean>(call(records, key, kind, value, sent));
    events.push({ kind, value, etag: sent, begin, end: now(), answer });
    if ('value' in answer && typeof answer.value === 'object') etag = answer.value.etag;
  }
  return events;
}

async function call(
  records: KeyedRecords,
  key: string,
  kind: Kind,
  value: string,
  etag: string,
): Promise<Seen | boolean> {
  switch (kind) {
    case 'retrieve': {
      const read = await records.retrieve<string>(key);
      return read && { etag: read.etag, value: read.data };
    }
    case 'delete':
      return records.delete(key);
    case 'deleteIfMatch':
      return records.delete(key, { ifMatch: etag });
    default: {
      const condition =
        kind === 'storeIfAbsent' ? { ifAbsent: true as const } : kind === 'storeIfMatch' ? { ifMatch: etag } : {};
      return { etag: (await records.store(key, value, condition)).etag, value };
    }
  }
}

/** Clients that work on one key at the same time: their answers have one order that explains them all. */
export async function checkLinearizable(t: TestContext): Promise<void> {
  const records = await t.keyed();
  // A delete whose report may be wrong can't be part of an exact history.
  const deletes: Kind[] = t.recordFlags.deleteReports === 'exact' ? ['delete', 'deleteIfMatch'] : [];
  const kind = fc.constantFrom<Kind>(
    'store',
    'storeIfAbsent',
    'storeIfMatch',
    'storeIfMatch',
    'retrieve',
    'retrieve',
    ...deletes,
  );
  const plan = fc.array(fc.record({ kind, turns: fc.nat(2) }), { minLength: 1, maxLength: 5 });
  let example = 0;
  const property = fc.asyncProperty(fc.array(plan, { minLength: 2, maxLength: 4 }), async (plans) => {
    const key = `l${example++}`;
    let time = 0;
    const now = (): number => ++time;
    const events = (await Promise.all(plans.map((plan, client) => runClient(records, key, client, plan, now)))).flat();
    if (isLinearizable(events)) return;
    fail(`no order of these calls explains their answers:\n${events.map((event) => JSON.stringify(event)).join('\n')}`);
  });
  await checkProperty(t, property, t.runs);
}
