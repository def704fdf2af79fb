import { ConfigError } from './config-error.ts';
import { databasePath } from './database-path.ts';

/** How the Vault runs. */
export interface VaultConfig {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** The SQLite file, or `:memory:`. */
  readonly databasePath: string;
  /** What whoever starts the Vault should know of the defaults that were taken. */
  readonly notes: readonly string[];
  /** Pino's name of the level. */
  readonly logLevel: string;
  /** The largest request body. */
  readonly maxBodyBytes: number;
}

type Environment = { readonly [name: string]: string | undefined };

/** Where the Vault listens when HOST does not say: nobody else gets in unasked. */
const loopback = '127.0.0.1';

/** The words of LOG_LEVEL, and what the logger calls them. */
const logLevels: { readonly [word: string]: string } = {
  DEBUG: 'debug',
  INFO: 'info',
  WARNING: 'warn',
  WARN: 'warn',
  ERROR: 'error',
  CRITICAL: 'fatal',
};

function readInteger(env: Environment, name: string, missing: number, least: number, most: number): number {
  const text = env[name];
  if (text === undefined || text === '') return missing;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new ConfigError(
      `${name}=${text} is no whole number from ${least} to ${most}; mend it or leave it out (${missing}).`,
    );
  }
  return value;
}

function readLogLevel(env: Environment): string {
  const word = env['LOG_LEVEL'] || 'INFO';
  const level = logLevels[word.toUpperCase()];
  if (level === undefined) {
    throw new ConfigError(`LOG_LEVEL=${word} is not known; use one of ${Object.keys(logLevels).join(', ')}.`);
  }
  return level;
}

/** Reads the environment. `ConfigError` says what to mend. */
export function readConfig(env: Environment): VaultConfig {
  const { path, note } = databasePath(env['DB_PATH']);
  const host = env['HOST'] || loopback;
  const hostNote = env['HOST'] ? undefined : `Only this machine can reach it; set HOST=0.0.0.0 to let others in.`;
  return {
    host,
    port: readInteger(env, 'PORT', 8084, 0, 65_535),
    databasePath: path,
    notes: [hostNote, note].filter((text) => text !== undefined),
    logLevel: readLogLevel(env),
    maxBodyBytes: readInteger(env, 'MAX_BODY_BYTES', 16 * 1024 * 1024, 1, 512 * 1024 * 1024),
  };
}
