import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll } from '@jest/globals';
import { type Backend, type KeyedRecords, outcome } from '@storage/core';
import { createProxy, type FaultProxy, type OwnService, type ServiceName, startOwn } from '@storage/services';

/** A backend that keeps records. */
export interface FaultBackend extends Backend {
  readonly records: KeyedRecords;
}

/** What is tested, and what of it is its own. */
export interface FaultSubject<B extends FaultBackend> {
  /**
   * Answers an open backend on the server at this URL, which may be a proxy's. `place` names where it keeps its records: a schema,
   * a prefix. Two of the same place have the same records.
   */
  open(url: string, place: string): Promise<B>;
  /** Whether calls fail for a moment after a connection was lost. Missing: the next one must succeed. */
  readonly reconnects?: boolean;
  /** Whether a conditional write whose request was lost is sent again. Missing: it is. */
  readonly resends?: boolean;
  /** What a server must have been asked once, so that a conditional write is one request. */
  warmUp?(records: KeyedRecords): Promise<unknown>;
  /** Asks the server itself for the connections that backends at this place may have open. Those of others must stay the same. */
  connections?(place: string): Promise<number>;
  /** Checks that a backend that is open and has nothing to do holds no more than it may. */
  checkIdle?(backend: B): void;
}

/** Starts a server before the tests and ends it after them. Ask for it within tests. */
export function ownServer(name: ServiceName): () => OwnService {
  let server: OwnService | undefined;
  beforeAll(async () => {
    server = await startOwn(name, { durable: true });
  }, 120_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  }, 60_000);
  return () => {
    if (server === undefined) throw new Error(`${name} is not started before the first test runs`);
    return server;
  };
}

/** A place that nobody else has. */
export function newPlace(): string {
  return `faults_${randomBytes(6).toString('hex')}`;
}

/** A proxy before the server at this URL, and its own URL. */
export async function proxyBefore(url: string): Promise<{ readonly proxy: FaultProxy; readonly through: string }> {
  const through = new URL(url);
  const proxy = await createProxy({ host: through.hostname, port: Number(through.port) });
  through.hostname = '127.0.0.1';
  through.port = String(proxy.port);
  return { proxy, through: through.href };
}

/** Whether this comes true in time. */
export async function until(ask: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<boolean> {
  for (const end = Date.now() + withinMs; Date.now() < end; await delay(50)) if (await ask()) return true;
  return false;
}

/** Whether calls are answered again in time, after a connection was lost. */
export async function recovered({ records }: FaultBackend): Promise<boolean> {
  return await until(async () => (await outcome(records.exists('any', { timeoutMs: 1000 }))).ok);
}
