// `npm run bench -- [name…] [--json] [--rounds N] [--list]`: measures the backends against their raw drivers.
import { suites } from './src/benches/index.ts';
import { readArguments, runBenches } from './src/cli.ts';
import { UsageError } from './src/select.ts';

// Broken off, it ends by `exit`, which removes its folders and ends its other processes.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

try {
  await runBenches(suites, readArguments(process.argv.slice(2)), (line) => process.stdout.write(`${line}\n`));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
