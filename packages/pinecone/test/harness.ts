import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { CreateOptions, Harness, Outage } from '@storage/conformance';
import type { Backend } from '@storage/core';
import { createProxy, type FaultProxy, type Service } from '@storage/services';
import { createPinecone, type PineconeBackend, type PineconeOptions } from '../src/index.ts';
import { createShapes } from './shapes.ts';

/** How long the stand-in hides a write from reads, and a little more. */
const settleMs = 150;

/** A prefix that nobody else has. */
export function freshPrefix(): string {
  return `t${randomUUID().replaceAll('-', '').slice(0, 12)}-`;
}

/** Deletes all collections of a store. */
export async function emptyStore(options: PineconeOptions): Promise<void> {
  await using backend = createPinecone(options);
  await backend.open();
  const { items } = await backend.vectors.listCollections({ limit: 1000 });
  for (const { name } of items) await backend.vectors.deleteCollection(name);
}

/** A layout that the kit is run on: how to open a store under a prefix, and how to remove it. */
export interface KitLayout {
  readonly make: (options: PineconeOptions, prefix: string) => PineconeBackend;
  readonly remove: (options: PineconeOptions, prefix: string) => Promise<void>;
}

/** Each collection is an index of its own. */
export function ownIndexes(more: PineconeOptions = {}): KitLayout {
  return {
    make: (options, prefix) => createPinecone({ ...options, ...more, prefix }),
    remove: (options, prefix) => emptyStore({ ...options, prefix }),
  };
}

/** Collections are namespaces of one index; the kit's come in several shapes, so there is one such index for each. */
export const oneIndex: KitLayout = {
  make: (options, prefix) => createShapes({ ...options, prefix }),
  remove: (options, prefix) => emptyStore({ ...options, prefix }),
};

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
    const backend = this.#layout.make(options, prefix);
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
    const { capabilities } = this.#layout.make({ apiKey: 'any' }, freshPrefix());
    return {
      capabilities,
      create: (options) => this.#open(freshPrefix(), options),
      reopen: (backend, options) => this.#open(this.#prefixOf(backend), options),
      destroy: (backend) =>
        this.#layout.remove({ apiKey: 'any', controllerUrl: this.#service.url }, this.#prefixOf(backend)),
      outage: this.outage,
      settle: () => delay(settleMs),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#proxy)?.[Symbol.asyncDispose]();
  }
}
