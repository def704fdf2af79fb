// The document's table is that of the figures that were recorded, and has every bench.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { suites } from '../src/benches/index.ts';

const read = (name: string): string => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');

interface Recorded {
  readonly bench: string;
  readonly concurrency: number;
  readonly ratio: number;
  readonly rawOpsPerSec: number;
  readonly opsPerSec: number;
}

test('docs/performance.md says what was recorded', () => {
  const recorded = read('performance.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Recorded);
  const benches = suites.flatMap((suite) => suite.benches);
  const rows = benches.map(({ name, concurrency, about, goal }) => {
    const found = recorded.find((line) => line.bench === name && line.concurrency === concurrency);
    const rate = (value: number | undefined): string => (value ?? 0).toLocaleString('en-US');
    const ratio = found?.ratio.toFixed(2) ?? 'not recorded';
    const target = goal?.toFixed(2) ?? '';
    const reached = goal === undefined ? '' : (found?.ratio ?? 0) >= goal ? 'yes' : 'no';
    const cells = [
      name,
      concurrency,
      about,
      rate(found?.rawOpsPerSec),
      rate(found?.opsPerSec),
      `**${ratio}**`,
      target,
      reached,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const table = read('performance.md')
    .split('\n')
    .filter((line) => benches.some(({ name }) => line.startsWith(`| ${name} |`)));
  expect(table).toEqual(rows);
  expect(recorded).toHaveLength(benches.length);
});
