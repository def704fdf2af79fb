import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { CreateOptions, Harness, Outage } from '@storage/conformance';
import type { Backend } from '@storage/core';
import { createProxy, type FaultProxy, type Service } from '@storage/services';
import { createPinecone, type PineconeBackend, type PineconeOptions } from '../src/index.ts';
import { createShapes } from './shapes.ts';

/** How long the stand-in hides a write from reads, and a little more. */
const settleMs = 60;

/** A prefix that nobody else has. */
export function freshPrefix(): string {
  return `t${randomUUID().replaceAll('-', '').slice(0, 12)}-`;
}

/** Deletes all indexes whose names begin so. That they are gone is not waited for. */
export async function removeIndexes(url: string, prefixes: readonly string[]): Promise<void> {
  const headers = { 'Api-Key': 'any', 'X-Pinecone-Api-Version': '2026-04' };
  const listed = await fetch(`${url}/indexes`, { headers });
  const { indexes } = (await listed.json()) as { readonly indexes: readonly { readonly name: string }[] };
  const own = indexes.filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix)));
  await Promise.all(own.map(({ name }) => fetch(`${url}/indexes/${name}`, { method: 'DELETE', headers })));
}

/** A layout that the kit is run on: how a store under a prefix is made. Its indexes' names begin with it. */
export type KitLayout = (options: PineconeOptions, prefix: string) => PineconeBackend;

/** Each collection is an index of its own. */
export function ownIndexes(more: PineconeOptions = {}): KitLayout {
  return (options, prefix) => createPinecone({ ...options, ...more, prefix });
}

/** Collections are namespaces of one index; the kit's come in several shapes, so there is one such index for each. */
export const oneIndex: KitLayout = (options, prefix) => createShapes({ ...options, prefix });

/** How the kit gets at a store: each backend under a prefix of its own, all over one proxy. */
export class PineconeHarness implements AsyncDisposable {
  readonly #service: Pick<Service, 'url'>;
  readonly #layout: KitLayout;
  readonly #prefixes = new WeakMap<Backend, string>();
  readonly #direct: boolean;
  #proxy: Promise<FaultProxy> | undefined;

  /** `direct`: the connection is never lost, so nothing stands between. */
  constructor(service: Pick<Service, 'url'>, layout: KitLayout, direct = false) {
    this.#service = service;
    this.#layout = layout;
    this.#direct = direct;
  }

  #proxied(): Promise<FaultProxy> {
    this.#proxy ??= createProxy({ port: Number(new URL(this.#service.url).port) });
    return this.#proxy;
  }

  async #open(prefix: string, { clock }: CreateOptions): Promise<PineconeBackend> {
    const controllerUrl = this.#direct ? this.#service.url : `http://127.0.0.1:${(await this.#proxied()).port}`;
    const options = { apiKey: 'any', controllerUrl, maxRetries: 1, clock };
    const backend = this.#layout(options, prefix);
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
  members(): Pick<Harness, 'capabilities' | 'create' | 'reopen' | 'destroy' | 'outage' | 'settle'> {
    const { capabilities } = this.#layout({ apiKey: 'any' }, freshPrefix());
    return {
      capabilities,
      create: (options) => this.#open(freshPrefix(), options),
      reopen: (backend, options) => this.#open(this.#prefixOf(backend), options),
      destroy: (backend) => removeIndexes(this.#service.url, [this.#prefixOf(backend)]),
      outage: this.outage,
      settle: () => delay(settleMs),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#proxy)?.[Symbol.asyncDispose]();
  }
}
