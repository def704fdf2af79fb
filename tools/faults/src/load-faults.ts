import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { Fault, OwnService, Service } from '@storage/services';
import type { LedgerReport } from './ledger.ts';
import { checkLedger, type LedgerOptions, type LedgerRun, runLedger } from './run-ledger.ts';
import { type FaultBackend, type FaultSubject, newPlace, proxyBefore, until } from './subject.ts';

/** How writers work while things break. */
interface FaultLoad extends Omit<LedgerOptions, 'records' | 'prefix'> {
  /** How many more writes must be acknowledged after every fault. */
  readonly writes?: number;
  /** The time that they are given, in milliseconds. */
  readonly withinMs?: number;
  /** Whether calls are repeated below the contract, so that perhaps no write ends unknown. Missing: some must. */
  readonly repeats?: boolean;
}

export interface ProxyLoad extends FaultLoad {
  /** What strikes single requests in every round. */
  readonly faults?: readonly Fault[];
  /** How long a stall lasts, in milliseconds. Missing: 1,200, which the calls' own deadlines do not survive. */
  readonly stallMs?: number;
  /** How long connections may outlive the backend, in milliseconds. Missing: 10,000. */
  readonly closedWithinMs?: number;
}

export interface KillLoad<B> extends FaultLoad {
  /** How long all may take, in milliseconds. Missing: 180,000. */
  readonly limitMs?: number;
  /** Work that each kill meets, in addition. It is awaited after the last one, and must not reject. */
  duringKill?(backend: B, round: number): Promise<unknown>;
  /** Checks what the kills left behind. */
  afterKills?(backend: B, place: string): Promise<void>;
}

/** Lets writers work while `breaking` breaks things, and ends them whatever comes of it. */
async function underLoad(
  backend: FaultBackend,
  load: FaultLoad,
  breaking: (run: LedgerRun) => Promise<void>,
): Promise<LedgerRun> {
  const run = runLedger({ ...load, records: backend.records });
  try {
    await breaking(run);
  } finally {
    await run.stop();
  }
  return run;
}

/** Checks the promises of a run from a backend that met no fault. */
async function checkRun<B extends FaultBackend>(run: LedgerRun, load: FaultLoad, fresh: B): Promise<LedgerReport> {
  const report = await checkLedger(run.ledger, fresh.records);
  expect(report.violations).toEqual([]);
  if (load.repeats !== true) expect(report.unknown).toBeGreaterThan(0);
  return report;
}

/** Registers the test of writers whose connections are cut, stalled and answered with garbage, five times over. */
export function proxyFaults<B extends FaultBackend>(
  server: () => Service,
  subject: FaultSubject<B>,
  load: ProxyLoad = {},
): void {
  const { writers = 32, writes = 100, withinMs = 20_000, timeoutMs = 1000 } = load;
  const { stallMs = 1200, closedWithinMs = 10_000 } = load;
  const { faults = ['before-request', 'after-request', 'after-request', 'garbage'] } = load;

  it(`keeps its word while connections are cut and stalled under ${writers} writers, and leaks nothing`, async () => {
    const place = newPlace();
    const before = (await subject.connections?.(place)) ?? 0;
    const { proxy, through } = await proxyBefore(server().url);
    await using _ = proxy;
    await using backend = await subject.open(through, place);
    const run = await underLoad(backend, { ...load, writers, timeoutMs }, async ({ acknowledged }) => {
      for (let round = 0; round < 5; round++) {
        await acknowledged(writes, withinMs);
        for (const fault of faults) proxy.onNext(fault);
        await acknowledged(writes, withinMs);
        await proxy.cut();
        await delay(100);
        await proxy.restore();
        await acknowledged(writes, withinMs);
        proxy.stall();
        await delay(stallMs);
        proxy.resume();
      }
      await acknowledged(writes, withinMs);
    });
    await using fresh = await subject.open(server().url, place);
    await checkRun(run, load, fresh);
    expect(proxy.struck).toBeGreaterThan((5 * faults.length) / 2);
    subject.checkIdle?.(backend);
    await backend.close();
    await fresh.close();
    expect(await until(() => proxy.connections === 0, closedWithinMs)).toBe(true);
    expect(await until(async () => ((await subject.connections?.(place)) ?? 0) <= before)).toBe(true);
  }, 120_000);
}

/** Registers the test of writers whose server is killed and started, ten times over. */
export function killFaults<B extends FaultBackend>(
  server: () => OwnService,
  subject: FaultSubject<B>,
  load: KillLoad<B> = {},
): void {
  const { writers = 32, writes = 150, withinMs = 30_000, timeoutMs = 2000, limitMs = 180_000 } = load;

  it(
    `keeps what it acknowledged when the server is killed under ${writers} writers, ten times`,
    async () => {
      const place = newPlace();
      await using backend = await subject.open(server().url, place);
      const during: Promise<unknown>[] = [];
      const run = await underLoad(backend, { ...load, writers, timeoutMs }, async ({ acknowledged }) => {
        for (let round = 0; round < 10; round++) {
          await acknowledged(writes, withinMs);
          if (load.duringKill) during.push(load.duringKill(backend, round));
          await server().kill();
          await server().start();
        }
        await acknowledged(writes, withinMs);
      });
      await Promise.all(during);
      await using fresh = await subject.open(server().url, place);
      const report = await checkRun(run, load, fresh);
      expect(report.acknowledged).toBeGreaterThan(11 * writes);
      subject.checkIdle?.(backend);
      await load.afterKills?.(backend, place);
    },
    limitMs,
  );
}
