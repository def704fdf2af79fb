import {
  type Backend,
  type Capabilities,
  isRecordStore,
  type KeyedRecords,
  type RecordCapabilities,
  type RecordStore,
  type VectorCapabilities,
  type VectorStore,
} from '@storage/core';
import { fail } from './assert.ts';
import type { Harness } from './harness.ts';
import { original, settled } from './settle.ts';

/** Time as a test passes it: the backend's own clock where the harness hands one in, else the real one. */
export interface TestClock {
  /** Whether `advance` moves the backend's clock instead of waiting. */
  readonly controlled: boolean;
  /** The present, in milliseconds since 1970. */
  now(): number;
  /** Lets time pass. */
  advance(ms: number): Promise<void>;
  /** A time to live that is short for a test: over it takes `advance(ttlMs + margin)`. */
  readonly ttlMs: number;
  /** How far a reading of the clock may be off. */
  readonly margin: number;
}

/** How a test gets at backends. Each test has its own, and closes what it opened. */
export interface TestContext {
  readonly capabilities: Capabilities;
  readonly harness: Harness;
  /** Of every random choice in this run. */
  readonly seed: number;
  /** How many examples a property is tried with; suites scale it. */
  readonly runs: number;
  readonly clock: TestClock;
  /** A fresh backend, not yet open. */
  create(): Promise<Backend>;
  /** A fresh backend, open. */
  open(): Promise<Backend>;
  /** Another backend over the same store, not yet open. */
  reopen(backend: Backend): Promise<Backend>;
  /** The records of a fresh, open backend. */
  keyed(): Promise<KeyedRecords>;
  /** The record store of a fresh, open backend. */
  store(): Promise<RecordStore>;
  /** The vectors of a fresh, open backend. */
  vectors(): Promise<VectorStore>;
  /** The flags of records; fails where there are none. */
  readonly recordFlags: RecordCapabilities;
  readonly vectorFlags: VectorCapabilities;
}

export interface ContextOptions {
  readonly harness: Harness;
  readonly capabilities: Capabilities;
  readonly seed: number;
  readonly runs: number;
}

/** Waits, really. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** What a promise resolves to, or `late` when it takes longer. No timer is left behind. */
export async function settledWithin<T, L>(pending: Promise<T>, ms: number, late: L): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<L>((resolve) => {
    timer = setTimeout(resolve, ms, late);
  });
  try {
    return await Promise.race([pending, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function createClock(controlled: boolean): TestClock {
  if (!controlled) return { controlled, now: () => Date.now(), advance: sleep, ttlMs: 150, margin: 60 };
  let now = Date.now();
  return {
    controlled,
    now: () => now,
    advance: async (ms) => {
      now += ms;
    },
    ttlMs: 60_000,
    margin: 1,
  };
}

/** Runs a test with a context of its own and cleans up behind it. */
export async function withContext(options: ContextOptions, body: (t: TestContext) => Promise<void>): Promise<void> {
  const { harness, capabilities, seed, runs } = options;
  const clock = createClock(harness.clock === true);
  const made: Backend[] = [];
  const opened: Backend[] = [];
  let shared = false;
  const createOptions = clock.controlled ? { clock: () => clock.now() } : {};

  async function create(): Promise<Backend> {
    const backend = await harness.create(createOptions);
    made.push(backend);
    opened.push(backend);
    return settled(backend, harness, () => shared);
  }
  async function open(): Promise<Backend> {
    const backend = await create();
    await backend.open();
    return backend;
  }
  const t: TestContext = {
    capabilities,
    harness,
    seed,
    runs,
    clock,
    create,
    open,
    reopen: async (backend) => {
      if (harness.reopen === undefined) fail('the harness has no `reopen`, which these capabilities demand');
      const again = await harness.reopen(original(backend), createOptions);
      opened.push(again);
      shared = true;
      return settled(again, harness, () => shared);
    },
    keyed: async () => (await open()).records ?? fail('capabilities.records promises records, the backend has none'),
    store: async () => recordStoreOf(await open()),
    vectors: async () => (await open()).vectors ?? fail('capabilities.vectors promises vectors, the backend has none'),
    get recordFlags() {
      return capabilities.records || fail('this test is for backends with records');
    },
    get vectorFlags() {
      return capabilities.vectors || fail('this test is for backends with vectors');
    },
  };
  const cleanUp = async (): Promise<void> => {
    await Promise.all(opened.map((backend) => backend.close({ timeoutMs: 5000 })));
    for (const backend of made) await harness.destroy?.(backend);
  };
  try {
    await body(t);
  } catch (error) {
    // What went wrong first is what the test tells; cleaning up after it may fail for the same reason.
    await cleanUp().catch(() => undefined);
    throw error;
  }
  await cleanUp();
}

/** The record store of a backend; fails where its records are no whole store. */
export function recordStoreOf(backend: Backend): RecordStore {
  const { records } = backend;
  if (!isRecordStore(records)) fail('capabilities.records.level is `full`, but backend.records is no RecordStore');
  return records;
}
