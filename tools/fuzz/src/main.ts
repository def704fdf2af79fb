import { parseArgs } from 'node:util';
import { runFilterFuzz } from '@storage/conformance';
import { targets } from './backends.ts';

const usage = `npm run fuzz -- <${Object.keys(targets).join(' | ')}> [--count 10000] [--seed S]`;

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
  const target = await targets[positionals[0] ?? '']?.();
  if (target === undefined || positionals.length > 1) {
    process.stderr.write(`${usage}\n`);
    return 2;
  }
  const count = whole(values.count, 'count');
  const seed = values.seed === undefined ? Math.trunc(Math.random() * 0x3fff_ffff) : whole(values.seed, 'seed');
  process.stdout.write(`${count} filters against ${target.harness.name}, seed ${seed}\n`);
  try {
    const report = await runFilterFuzz({ ...target, count, seed, onProgress: progress(count) });
    const exact = target.explain === undefined ? '' : '; every operator is compiled exactly';
    process.stdout.write(
      `${report.coverage}\n\n0 mismatches in ${count} filters, ${(report.durationMs / 1000).toFixed(1)} s; each pair was met at least ${report.demanded} times${exact}\n`,
    );
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    await target.release?.();
  }
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
