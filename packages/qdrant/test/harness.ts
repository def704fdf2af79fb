import { randomUUID } from 'node:crypto';
import type { CreateOptions, Harness, Outage } from '@storage/conformance';
import type { Backend } from '@storage/core';
import { createProxy, type FaultProxy, type Service } from '@storage/services';
import { createQdrant, type QdrantBackend, type QdrantOptions } from '../src/index.ts';

/** A prefix that nobody else has. */
export function freshPrefix(): string {
  return `test-${randomUUID()}-`;
}

/** One request to the server, past the backend. Fails where the server does. */
export async function ask<T = unknown>(url: string, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(url + path, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (JSON.parse(text) as { readonly result: T }).result;
}

/** Removes every collection under a prefix. */
export async function removeCollections(url: string, prefix: string): Promise<void> {
  const { collections } = await ask<{ readonly collections: readonly { readonly name: string }[] }>(
    url,
    'GET',
    '/collections',
  );
  for (const { name } of collections) if (name.startsWith(prefix)) await ask(url, 'DELETE', `/collections/${name}`);
}

/** How the kit gets at a store: each backend under a prefix of its own, all over one proxy. */
export class QdrantHarness implements AsyncDisposable {
  readonly #url: string;
  readonly #options: QdrantOptions;
  readonly #wrap: (backend: QdrantBackend, prefix: string) => QdrantBackend;
  readonly #prefixes = new WeakMap<Backend, string>();
  #proxy: Promise<FaultProxy> | undefined;

  constructor(
    { url }: Pick<Service, 'url'>,
    options: QdrantOptions = {},
    wrap: (backend: QdrantBackend, prefix: string) => QdrantBackend = (backend) => backend,
  ) {
    this.#url = url;
    this.#options = options;
    this.#wrap = wrap;
  }

  #proxied(): Promise<FaultProxy> {
    const { hostname, port } = new URL(this.#url);
    this.#proxy ??= createProxy({ host: hostname, port: Number(port) });
    return this.#proxy;
  }

  async #open(prefix: string): Promise<QdrantBackend> {
    const { port } = await this.#proxied();
    const made = createQdrant({ url: `http://127.0.0.1:${port}`, ...this.#options, prefix });
    const backend = this.#wrap(made, prefix);
    this.#prefixes.set(backend, prefix);
    return backend;
  }

  #prefixOf(backend: Backend): string {
    const prefix = this.#prefixes.get(backend);
    if (prefix === undefined) throw new Error('The kit handed over a backend that it was not given.');
    return prefix;
  }

  readonly outage: Outage = {
    begin: async () => (await this.#proxied()).cut(),
    end: async () => (await this.#proxied()).restore(),
  };

  /** What the kit is given, but for the server's name. */
  members(): Pick<Harness, 'capabilities' | 'create' | 'reopen' | 'destroy' | 'outage'> {
    return {
      capabilities: createQdrant(this.#options).capabilities,
      create: (_options: CreateOptions) => this.#open(freshPrefix()),
      reopen: (backend) => this.#open(this.#prefixOf(backend)),
      destroy: (backend) => removeCollections(this.#url, this.#prefixOf(backend)),
      outage: this.outage,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#proxy)?.[Symbol.asyncDispose]();
  }
}
