import { describe, expect, test } from '@jest/globals';
import { readArguments, runBenches } from './cli.ts';
import { jsonLine, tableHead, tableRow } from './report.ts';
import { selectBenches, UsageError } from './select.ts';
import { defineSuite, type Result } from './suite.ts';

const info = (name: string, concurrency = 1) => ({ name, concurrency, about: 'a test' });
const benches = [
  info('sqlite.get'),
  info('sqlite.get', 64),
  info('sqlite.getMany'),
  info('sqlite.page.first'),
  info('vault.read'),
];

const result: Result = {
  ...info('sqlite.get', 64),
  goal: 0.95,
  ratio: 1.0234,
  rawOpsPerSec: 100_000.4,
  opsPerSec: 102_340.6,
  rounds: 9,
};

describe('selection', () => {
  test.each([
    [[], 5],
    [['sqlite'], 4],
    [['sqlite.get'], 2],
    [['sqlite.page'], 1],
    [['vault', 'sqlite.getMany'], 2],
    [['sqlite', 'sqlite.get'], 4],
  ])('%j means %d', (names, count) => {
    expect(selectBenches(benches, names).size).toBe(count);
  });

  test.each(['sql', 'sqlite.', 'sqlite.gets', ''])('%j is refused with the names there are', (name) => {
    expect(() => selectBenches(benches, [name])).toThrow(UsageError);
    expect(() => selectBenches(benches, [name])).toThrow(
      /sqlite\.get\n {2}sqlite\.getMany\n {2}sqlite\.page\.first\n {2}vault\.read/,
    );
  });
});

describe('arguments', () => {
  test('have defaults', () => {
    expect(readArguments([])).toEqual({ names: [], json: false, list: false, rounds: 9 });
  });

  test('are read', () => {
    expect(readArguments(['sqlite', '--json', '--rounds', '3', 'vault'])).toEqual({
      names: ['sqlite', 'vault'],
      json: true,
      list: false,
      rounds: 3,
    });
  });

  test.each([['--rounds=0'], ['--rounds=2.5'], ['--rounds=many'], ['--rounds'], ['--fast']])(
    '%s is refused',
    (argument) => {
      expect(() => readArguments([argument])).toThrow(UsageError);
    },
  );
});

describe('output', () => {
  test('a line of JSON', () => {
    expect(jsonLine(result)).toBe(
      '{"bench":"sqlite.get","concurrency":64,"ratio":1.023,"rawOpsPerSec":100000,"opsPerSec":102341,"rounds":9}',
    );
  });

  test('a row of the table', () => {
    expect(tableHead().split(/\s+/)).toEqual(['bench', 'at', 'once', 'raw/s', 'ours/s', 'ratio', 'goal']);
    expect(tableRow(result).split(/\s+/)).toEqual([
      'sqlite.get',
      '64',
      '100,000',
      '102,341',
      '1.02',
      '0.95',
      'reached',
    ]);
    expect(tableRow({ ...result, ratio: 0.949 })).toMatch(/missed$/);
  });

  test('a run measures what was chosen, and closes what it opened', async () => {
    const diary: string[] = [];
    const suite = defineSuite(async () => {
      diary.push('open');
      return { close: () => void diary.push('close') };
    }, [
      { ...info('one.a'), sides: () => ({ raw: { run: () => undefined }, ours: { run: () => undefined } }) },
      { ...info('one.b'), sides: () => Promise.reject(new Error('not chosen')) },
    ]);
    const lines: string[] = [];
    await runBenches([suite], { names: ['one.a'], json: true, list: false, rounds: 1 }, (line) => lines.push(line), {
      roundMs: 0,
      share: 1,
    });
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ bench: 'one.a', concurrency: 1, rounds: 1 }]);
    await expect(
      runBenches([suite], { names: ['one.b'], json: true, list: false, rounds: 1 }, () => undefined),
    ).rejects.toThrow('not chosen');
    expect(diary).toEqual(['open', 'close', 'open', 'close']);
  });

  test('a list measures nothing', async () => {
    const suite = defineSuite(
      () => Promise.reject(new Error('opened')),
      [{ ...info('one.a'), sides: () => Promise.reject(new Error('run')) }],
    );
    const lines: string[] = [];
    await runBenches([suite], { names: [], json: false, list: true, rounds: 1 }, (line) => lines.push(line));
    expect(lines.join('\n')).toMatch(/^one\.a .* a test$/);
  });
});
