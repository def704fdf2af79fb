// Benches that share what they are measured on, under one shape whatever that is.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Measured, measure, type Sides } from './measure.ts';

/** What a bench is, before it is measured. */
export interface BenchInfo {
  /** `sqlite.get`. One name may stand for several, told apart by `concurrency`. */
  readonly name: string;
  /** How many callers there are at once. */
  readonly concurrency: number;
  /** What is done, for the list. */
  readonly about: string;
  /** The ratio that it should reach. Missing: it is measured for information. */
  readonly goal?: number;
}

export interface Result extends BenchInfo, Measured {
  readonly rounds: number;
}

export interface RunSettings {
  readonly rounds: number;
  readonly roundMs: number;
  /** Which share of its data a suite needs that is slow to fill. 1: all. */
  readonly share: number;
}

/** A bench over what its suite has opened. */
export interface Bench<Fixture> extends BenchInfo {
  sides(fixture: Fixture): Sides | Promise<Sides>;
  /** How many times as long its rounds last, where operations vary more. Missing: 1. */
  readonly stretch?: number;
}

/** What a suite opens, in a folder that is removed afterwards. */
export interface Opened {
  close(): void | Promise<void>;
}

export interface Suite {
  readonly benches: readonly BenchInfo[];
  /** Measures those of its benches that are chosen, one after the other. */
  run(chosen: ReadonlySet<BenchInfo>, settings: RunSettings): AsyncIterable<Result>;
}

export function defineSuite<Fixture extends Opened>(
  open: (folder: string, share: number) => Promise<Fixture>,
  benches: readonly Bench<Fixture>[],
): Suite {
  return {
    benches,
    async *run(chosen, { rounds, roundMs, share }) {
      const wanted = benches.filter((bench) => chosen.has(bench));
      if (wanted.length === 0) return;
      const folder = mkdtempSync(join(tmpdir(), 'storage-bench-'));
      const remove = (): void => rmSync(folder, { recursive: true, force: true });
      // For a run that is broken off.
      process.once('exit', remove);
      try {
        const fixture = await open(folder, share);
        try {
          for (const bench of wanted) {
            const { sides, stretch = 1, ...info } = bench;
            const settings = { rounds, roundMs: roundMs * stretch, step: info.concurrency };
            const measured = await measure(await sides(fixture), settings);
            yield { ...info, ...measured, rounds };
          }
        } finally {
          await fixture.close();
        }
      } finally {
        process.off('exit', remove);
        remove();
      }
    },
  };
}
