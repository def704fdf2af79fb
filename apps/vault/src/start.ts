import { setTimeout as delay } from 'node:timers/promises';
import { StorageManager } from '@storage/manager';
import type { FastifyBaseLogger } from 'fastify';
import { pino } from 'pino';
import type { VaultConfig } from './config.ts';
import type { VaultServer } from './face.ts';
import { createVault } from './vault.ts';

/** How long requests may take to end once the Vault is told to stop, in milliseconds. */
const drainMs = 10_000;
/** How often what is expired is removed, in milliseconds. */
const sweepEveryMs = 60_000;

/** A Vault that runs. */
export interface RunningVault {
  /** `http://127.0.0.1:8084` */
  readonly url: string;
  /** Takes no more requests, waits for those that are under way, and closes the database. What was acknowledged is kept. Safe to call twice. */
  stop(): Promise<void>;
}

/** Opens the database and listens. */
export async function startVault(config: VaultConfig): Promise<RunningVault> {
  const manager = new StorageManager({ backend: 'sqlite', options: { path: config.databasePath } });
  await manager.initialize();
  try {
    const log = pino({ level: config.logLevel });
    const app = await createVault(manager, { maxBodyBytes: config.maxBodyBytes, log });
    for (const note of config.notes) log.info(note);
    const url = await app.listen({ host: config.host, port: config.port });
    log.info(`The Vault answers on ${url} and keeps its data in ${config.databasePath}.`);
    return run(app, manager, log, url);
  } catch (error) {
    await manager.shutdown();
    throw error;
  }
}

function run(app: VaultServer, manager: StorageManager, log: FastifyBaseLogger, url: string): RunningVault {
  const sweep = setInterval(() => {
    manager.kv
      .sweep()
      .catch((error: unknown) => log.error({ err: error }, 'expired cache entries could not be removed'));
  }, sweepEveryMs).unref();
  const stop = async (): Promise<void> => {
    clearInterval(sweep);
    await drain(app);
    await manager.shutdown({ timeoutMs: drainMs });
    log.info('The Vault is closed.');
  };
  let stopping: Promise<void> | undefined;
  return {
    url,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** Closes the server. Connections are closed as they fall idle, and all of them once the time is over. */
async function drain(app: VaultServer): Promise<void> {
  const done = new AbortController();
  const closed = app.close().finally(() => done.abort());
  const deadline = Date.now() + drainMs;
  while (!done.signal.aborted) {
    if (Date.now() < deadline) app.server.closeIdleConnections();
    else app.server.closeAllConnections();
    await Promise.race([closed, delay(50)]);
  }
  await closed;
}
