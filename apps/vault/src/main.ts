#!/usr/bin/env node
import { isStorageError } from '@storage/core';
import { readConfig } from './config.ts';
import { ConfigError } from './config-error.ts';
import { startVault } from './start.ts';

/** Mistakes of whoever starts the Vault are told in a line; anything else with all there is. */
function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (isStorageError(error)) return `${error.message} (${error.code})`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

try {
  const vault = await startVault(readConfig(process.env));
  let signals = 0;
  const stop = (): void => {
    // A second signal is from somebody who does not want to wait.
    if (++signals > 1) process.exit(1);
    vault.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`The Vault could not be closed: ${explain(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
} catch (error) {
  process.stderr.write(`The Vault could not start: ${explain(error)}\n`);
  process.exitCode = 1;
}
