// The command: `npm run bench -- [name…] [--json] [--rounds N] [--list]`.
import { parseArgs } from 'node:util';
import { jsonLine, listing, tableHead, tableRow } from './report.ts';
import { selectBenches, UsageError } from './select.ts';
import type { RunSettings, Suite } from './suite.ts';

/** What is measured for its figures. Tests measure less. */
const whole = { roundMs: 100, share: 1 };

/** What was asked for on the command line. */
export interface Request {
  readonly names: readonly string[];
  readonly json: boolean;
  readonly list: boolean;
  readonly rounds: number;
}

const mostRounds = 1000;

/** Reads the arguments. What is wrong with them is a `UsageError`. */
export function readArguments(args: readonly string[]): Request {
  const { values, positionals } = parse(args);
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > mostRounds) {
    throw new UsageError(`--rounds is ${values.rounds}; it must be a whole number from 1 to ${mostRounds}.`);
  }
  return { names: positionals, json: values.json, list: values.list, rounds };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        rounds: { type: 'string', default: '9' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/** Runs what was asked for, and prints each result as it comes. */
export async function runBenches(
  suites: readonly Suite[],
  { names, json, list, rounds }: Request,
  print: (line: string) => void,
  size: Omit<RunSettings, 'rounds'> = whole,
): Promise<void> {
  const benches = suites.flatMap((suite) => suite.benches);
  const chosen = selectBenches(benches, names);
  if (list) return print(listing([...chosen]));
  if (!json) print(tableHead());
  for (const suite of suites) {
    for await (const result of suite.run(chosen, { ...size, rounds }))
      print(json ? jsonLine(result) : tableRow(result));
  }
}
