// What a run prints.
import type { BenchInfo, Result } from './suite.ts';

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** A rate, with decimals only where whole numbers would say nothing. */
function rate(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

/** A result as one line of JSON. */
export function jsonLine({ name, concurrency, ratio, rawOpsPerSec, opsPerSec, rounds }: Result): string {
  return JSON.stringify({
    bench: name,
    concurrency,
    ratio: rounded(ratio, 3),
    rawOpsPerSec: rate(rawOpsPerSec),
    opsPerSec: rate(opsPerSec),
    rounds,
  });
}

const heading = ['bench', 'at once', 'raw/s', 'ours/s', 'ratio', 'goal', ''] as const;
const widths = [26, 8, 12, 12, 8, 7, 0] as const;

function tableLine(cells: readonly string[]): string {
  return cells
    .map((cell, index) => (index === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[index] ?? 0)))
    .join(' ')
    .trimEnd();
}

function grouped(value: number): string {
  return rate(value).toLocaleString('en-US');
}

/** The table's head. */
export function tableHead(): string {
  return tableLine(heading);
}

/** A result as a line of the table. */
export function tableRow({ name, concurrency, rawOpsPerSec, opsPerSec, ratio, goal }: Result): string {
  const verdict = goal === undefined ? '' : ratio >= goal ? 'reached' : 'missed';
  return tableLine([
    name,
    String(concurrency),
    grouped(rawOpsPerSec),
    grouped(opsPerSec),
    ratio.toFixed(2),
    goal === undefined ? '' : goal.toFixed(2),
    verdict,
  ]);
}

/** The benches there are, a line each. */
export function listing(benches: readonly BenchInfo[]): string {
  return benches
    .map(({ name, concurrency, about, goal }) =>
      tableLine([name, String(concurrency), '', '', '', goal?.toFixed(2) ?? '', about]),
    )
    .join('\n');
}
