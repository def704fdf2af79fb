import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Harness, Outage } from '@storage/conformance';
import type { Backend } from '@storage/core';
import { createProxy, type FaultProxy } from '@storage/services';
import { AdminClient } from 'chromadb';
import { type ChromaBackend, type ChromaOptions, createChroma } from '../src/index.ts';

/** The tenant that the tests share; each has a database of its own. */
export const tenant = 'storage-tests';

/** A database that nobody else has. */
export function freshDatabase(): string {
  return `test-${randomUUID()}`;
}

function toAddress(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** Removes a database with all that is in it. */
export async function removeDatabase(url: string, database: string, of = tenant): Promise<void> {
  const admin = new AdminClient({ ...toAddress(url), ssl: false });
  for (let tries = 3; ; tries--) {
    try {
      await admin.deleteDatabase({ name: database, tenant: of });
      return;
    } catch (error) {
      if ((error as Error).name === 'ChromaNotFoundError') return;
      if (tries === 0) throw error;
      await delay(100);
    }
  }
}

/** An open backend on a database of its own, which goes with it. */
export async function openFresh(url: string, options: ChromaOptions = {}): Promise<ChromaBackend> {
  const database = freshDatabase();
  const backend = createChroma({ url, tenant, database, ...options });
  await backend.open();
  const close = backend.close.bind(backend);
  return Object.assign(backend, {
    [Symbol.asyncDispose]: async (): Promise<void> => {
      await close();
      await removeDatabase(url, database);
    },
  });
}

/** How the kit gets at Chroma: each backend over a database of its own, all through one proxy. */
export class ChromaHarness implements AsyncDisposable {
  readonly #url: string;
  readonly #direct: string;
  readonly #databases = new WeakMap<Backend, string>();
  #proxy: Promise<FaultProxy> | undefined;

  /** `direct`: the server itself, where `url` is not. */
  constructor(url: string, direct: string = url) {
    this.#url = url;
    this.#direct = direct;
  }

  #proxied(): Promise<FaultProxy> {
    this.#proxy ??= createProxy(toAddress(this.#url));
    return this.#proxy;
  }

  async #open(database: string, clock: (() => number) | undefined): Promise<ChromaBackend> {
    const { port } = await this.#proxied();
    const backend = createChroma({ url: `http://127.0.0.1:${port}`, tenant, database, clock });
    this.#databases.set(backend, database);
    return backend;
  }

  #databaseOf(backend: Backend): string {
    const database = this.#databases.get(backend);
    if (database === undefined) throw new Error('The kit handed over a backend that it was not given.');
    return database;
  }

  readonly outage: Outage = {
    begin: async () => (await this.#proxied()).cut(),
    end: async () => (await this.#proxied()).restore(),
  };

  /** What the kit is given, but for the server's name. */
  members(): Omit<Harness, 'name' | 'server'> {
    return {
      capabilities: createChroma().capabilities,
      clock: true,
      create: ({ clock }) => this.#open(freshDatabase(), clock),
      reopen: (backend, { clock }) => this.#open(this.#databaseOf(backend), clock),
      destroy: (backend) => removeDatabase(this.#direct, this.#databaseOf(backend)),
      outage: this.outage,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#proxy)?.[Symbol.asyncDispose]();
  }
}
