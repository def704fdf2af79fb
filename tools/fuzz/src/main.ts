import { inspect, parseArgs } from 'node:util';
import { type FilterFuzzReport, runFilterFuzz, runVectorFuzz } from '@storage/conformance';
import { targets } from './backends.ts';
import { vectorTargets } from './vector-backends.ts';

const names = [...Object.keys(targets), ...Object.keys(vectorTargets)];
const usage = `npm run fuzz -- <${names.join(' | ')}> [--count 10000] [--seed S]`;

/** A whole number from text. */
function whole(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`--${name} takes a whole number, not ${text}.\n${usage}`);
  return value;
}

/** Runs the command; answers its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { count: { type: 'string', default: '10000' }, seed: { type: 'string' } },
  });
  const [name = ''] = positionals;
  const start = positionals.length > 1 ? undefined : runs(name);
  if (start === undefined) {
    process.stderr.write(`${usage}\n`);
    return 2;
  }
  const count = whole(values.count, 'count');
  const seed = values.seed === undefined ? Math.trunc(Math.random() * 0x3fff_ffff) : whole(values.seed, 'seed');
  const { run, release, exact } = await start();
  process.stdout.write(`${count} filters against ${name}, seed ${seed}\n`);
  try {
    const report = await run({ count, seed, onProgress: progress(count) });
    const rest = exact ? '; every operator is compiled exactly' : '';
    process.stdout.write(
      `${report.coverage}\n\n0 mismatches in ${count} filters, ${(report.durationMs / 1000).toFixed(1)} s; each pair was met at least ${report.demanded} times${rest}${recallOf(report)}\n`,
    );
    return 0;
  } catch (error) {
    process.stderr.write(`${told(error)}\n`);
    return 1;
  } finally {
    await release?.();
  }
}

/** An error and its causes, which say what an engine answered. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined
    ? error.message
    : `${error.message}\ncaused by ${inspect(error.cause, { depth: 3 })}`;
}

interface Asked {
  readonly count: number;
  readonly seed: number;
  readonly onProgress: (done: number) => void;
}

interface Run {
  readonly run: (asked: Asked) => Promise<FilterFuzzReport & { readonly recall?: number | undefined }>;
  readonly release: (() => Promise<void>) | undefined;
  /** Whether the compiler claims to be exact. */
  readonly exact: boolean;
}

/** How records, or vectors, of this name are asked. */
function runs(name: string): (() => Promise<Run>) | undefined {
  const records = Object.hasOwn(targets, name) ? targets[name] : undefined;
  if (records !== undefined)
    return async () => {
      const target = await records();
      const { release, explain } = target;
      return { run: (asked) => runFilterFuzz({ ...target, ...asked }), release, exact: explain !== undefined };
    };
  const vectors = Object.hasOwn(vectorTargets, name) ? vectorTargets[name] : undefined;
  if (vectors === undefined) return undefined;
  return async () => {
    const target = await vectors();
    const { release, explain } = target;
    return { run: (asked) => runVectorFuzz({ ...target, ...asked }), release, exact: explain !== undefined };
  };
}

function recallOf({ recall }: { readonly recall?: number | undefined }): string {
  return recall === undefined
    ? ''
    : `; where nothing exact was asked for, ${recall.toFixed(4)} of the closest were found`;
}

function progress(count: number): (done: number) => void {
  let told = 0;
  return (done) => {
    const percent = Math.floor((done / count) * 10) * 10;
    if (percent <= told) return;
    told = percent;
    process.stderr.write(`${percent} %\n`);
  };
}

process.exitCode = await main(process.argv.slice(2));
