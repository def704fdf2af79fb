import { parseArgs } from 'node:util';
import { type StandInOptions, startStandIn } from './server.ts';

const usage = `Usage: main.ts [--port N] [--host H] [--api-key K] [--consistency-delay-ms D] [--ready-delay-ms D]
               [--negation-matches-missing]`;

function milliseconds(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw new Error(`--${option} must be a whole number, got ${text}\n${usage}`);
  return value;
}

function readOptions(): StandInOptions {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      host: { type: 'string' },
      'api-key': { type: 'string' },
      'consistency-delay-ms': { type: 'string' },
      'ready-delay-ms': { type: 'string' },
      'negation-matches-missing': { type: 'boolean' },
    },
  });
  const port = milliseconds(values.port, 'port');
  const consistencyDelayMs = milliseconds(values['consistency-delay-ms'], 'consistency-delay-ms');
  const readyDelayMs = milliseconds(values['ready-delay-ms'], 'ready-delay-ms');
  return {
    ...(port === undefined ? {} : { port }),
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(values['api-key'] === undefined ? {} : { apiKey: values['api-key'] }),
    ...(consistencyDelayMs === undefined ? {} : { consistencyDelayMs }),
    ...(readyDelayMs === undefined ? {} : { readyDelayMs }),
    ...(values['negation-matches-missing'] === true ? { negationMatchesMissing: true } : {}),
  };
}

const standIn = await startStandIn(readOptions());
process.stdout.write(`${standIn.url}\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    standIn.close().catch((error: unknown) => {
      process.stderr.write(`The stand-in did not close: ${error}\n`);
      process.exitCode = 1;
    });
  });
}
