import { createHash } from 'node:crypto';
import {
  type Call,
  type CollectionDefinition,
  type CollectionRow,
  collectionMissing,
  decodeSettings,
  encodeSettings,
  type RowPage,
} from '@storage/backend-kit';
import { type Metric, StorageError } from '@storage/core';
import { compareCodePoints } from '@storage/core/filter';
import type { ChromaConnection } from './chroma-client.ts';
import { isMissing, isTaken, unknowable } from './chroma-errors.ts';
import type { NativeCollection } from './chroma-http.ts';
import type { ChromaSettings } from './chroma-options.ts';

/** A collection with what it is natively. */
export interface ChromaCollection extends CollectionRow {
  /** The native collection of the root namespace. */
  readonly native: string;
  /** Made by something else: there is no shadow to filter by. */
  readonly foreign: boolean;
}

/** A native collection that holds one namespace. */
interface NativeSpace {
  readonly id: string;
  readonly name: string;
  readonly ns: string;
}

type Space = 'cosine' | 'ip' | 'l2';

const spaces: { readonly [metric in Metric]: Space } = { cosine: 'cosine', dot_product: 'ip', euclidean: 'l2' };
const metrics: { readonly [space: string]: Metric } = { cosine: 'cosine', ip: 'dot_product', l2: 'euclidean' };

const keys = {
  version: 'storage:version',
  name: 'storage:collection',
  dimension: 'storage:dimension',
  metric: 'storage:metric',
  settings: 'storage:settings',
  root: 'storage:root',
  namespace: 'storage:namespace',
} as const;

/** How many native collections a request lists. Without a limit the server stops at 100. */
const listPage = 1000;

function hashed(parts: readonly string[]): string {
  return `storage.${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40)}`;
}

/** The native name of a collection: its own where Chroma takes it. */
function nativeName(name: string): string {
  const legal = /^[a-zA-Z0-9][a-zA-Z0-9._-]+[a-zA-Z0-9]$/.test(name) && !name.includes('..');
  return legal && !/^[\d.]+$/.test(name) && !name.startsWith('storage.') ? name : hashed([name]);
}

/** The collections of a database: which native ones they are. */
export class ChromaCatalog {
  readonly #connect: () => Promise<ChromaConnection>;
  readonly #settings: ChromaSettings;
  readonly #seen = new Map<string, ChromaCollection>();
  readonly #spaces = new Map<string, string>();

  constructor(connect: () => Promise<ChromaConnection>, settings: ChromaSettings) {
    this.#connect = connect;
    this.#settings = settings;
  }

  async create(
    name: string,
    definition: CollectionDefinition,
    call: Call,
  ): Promise<{ readonly collection: ChromaCollection; readonly created: boolean }> {
    const { dimension, metric } = definition;
    const metadata = {
      [keys.version]: 1,
      [keys.name]: name,
      [keys.dimension]: dimension,
      [keys.metric]: metric,
      [keys.settings]: encodeSettings(definition),
    };
    for (let tries = 0; tries < 100; tries++) {
      call.check();
      const id = await this.#make(nativeName(name), metric, metadata);
      const row = await this.find(name, call);
      // One that was there may be deleted before it is read.
      if (row !== undefined) return { collection: row, created: id === row.native };
      if (id !== undefined) break;
    }
    throw vanished(name);
  }

  /** Answers the id of what it made; `undefined`: the name is taken. */
  async #make(name: string, metric: Metric, metadata: { [key: string]: string | number }): Promise<string | undefined> {
    const { client } = await this.#connect();
    const { efConstruction, efSearch, maxNeighbors } = this.#settings.hnsw;
    const hnsw = {
      space: spaces[metric],
      ef_construction: efConstruction,
      ef_search: efSearch,
      max_neighbors: maxNeighbors,
    };
    try {
      const made = await client.createCollection({ name, metadata, configuration: { hnsw }, embeddingFunction: null });
      return made.id;
    } catch (error) {
      if (isTaken(error)) return undefined;
      throw error;
    }
  }

  /** The collection of this name as it was seen last. */
  known(name: string): ChromaCollection | undefined {
    return this.#seen.get(name);
  }

  /** The collection of this name; the same object as long as it is the same collection. */
  async find(name: string, call: Call): Promise<ChromaCollection | undefined> {
    const { http } = await this.#connect();
    const native = await http.collection(nativeName(name), call);
    const seen = this.#seen.get(name);
    if (native !== undefined && native.id === seen?.native) return seen;
    this.forget(name);
    const row = native === undefined ? undefined : toRow(native);
    if (row?.name === name) {
      this.#seen.set(name, row);
      return row;
    }
    if (native !== undefined && isForeign(native) && native.name === name) throw unknowable(name);
    return undefined;
  }

  /** What was seen of a collection and its namespaces holds no more. */
  forget(name: string): void {
    const native = this.#seen.get(name)?.native;
    this.#seen.delete(name);
    if (native === undefined) return;
    for (const key of this.#spaces.keys()) if (key.startsWith(`${native}/`)) this.#spaces.delete(key);
  }

  async list(after: string | undefined, limit: number, call: Call): Promise<RowPage<ChromaCollection>> {
    const rows = (await this.#natives(call))
      .flatMap((native) => toRow(native) ?? [])
      .filter(({ name }) => after === undefined || compareCodePoints(name, after) > 0)
      .sort((a, b) => compareCodePoints(a.name, b.name));
    return { rows: rows.slice(0, limit), more: rows.length > limit };
  }

  async remove(name: string, call: Call): Promise<boolean> {
    const { client } = await this.#connect();
    const row = await this.find(name, call);
    this.forget(name);
    if (row === undefined) return false;
    const removed = await this.#drop(client, nativeName(name));
    // Whoever comes after makes a collection of another id, whose namespaces are others.
    for (const space of await this.namespaces(row, call)) await this.#drop(client, space.name);
    return removed;
  }

  async #drop(client: ChromaConnection['client'], name: string): Promise<boolean> {
    try {
      await client.deleteCollection({ name });
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  /** The native collection of a namespace, where it is known or can be found. `make`: it is made when it is missing. */
  async space(row: ChromaCollection, ns: string, make: boolean, call: Call): Promise<string | undefined> {
    if (ns === '') return row.native;
    const key = `${row.native}/${ns}`;
    const known = this.#spaces.get(key);
    if (known !== undefined) return known;
    const { http } = await this.#connect();
    const name = hashed([row.native, ns]);
    let id = (await http.collection(name, call))?.id;
    // A namespace of which there is nothing may be one of a collection that is gone.
    if (id === undefined && (await this.find(row.name, call))?.native !== row.native) throw collectionMissing(row.name);
    const metadata = { [keys.version]: 1, [keys.root]: row.native, [keys.namespace]: ns };
    while (id === undefined && make) {
      call.check();
      id = (await this.#make(name, row.metric, metadata)) ?? (await http.collection(name, call))?.id;
    }
    if (id !== undefined) this.#spaces.set(key, id);
    return id;
  }

  /** A native collection turned out to be gone. */
  forgetSpace(row: ChromaCollection, ns: string): void {
    this.#spaces.delete(`${row.native}/${ns}`);
  }

  /** The namespaces of a collection, the root left out. */
  async namespaces(row: ChromaCollection, call: Call): Promise<readonly NativeSpace[]> {
    return (await this.#natives(call)).flatMap(({ id, name, metadata }) => {
      const ns = metadata?.[keys.namespace];
      return metadata?.[keys.root] === row.native && typeof ns === 'string' ? [{ id, name, ns }] : [];
    });
  }

  async dropNamespace(row: ChromaCollection, space: NativeSpace): Promise<void> {
    const { client } = await this.#connect();
    this.forgetSpace(row, space.ns);
    await this.#drop(client, space.name);
  }

  async #natives(call: Call): Promise<readonly NativeCollection[]> {
    const { http } = await this.#connect();
    const found = new Map<string, NativeCollection>();
    for (let offset = 0; ; offset += listPage) {
      call.check();
      const page = await http.collections(offset, listPage, call);
      for (const native of page) found.set(native.id, native);
      if (page.length < listPage) return [...found.values()];
    }
  }
}

function isForeign({ metadata }: NativeCollection): boolean {
  return metadata?.[keys.version] === undefined;
}

function indexOf({ configuration_json: configuration }: NativeCollection): { indexType: string; space: string } {
  const spann = configuration?.spann;
  if (spann !== undefined && spann !== null) return { indexType: 'spann', space: spann.space ?? 'l2' };
  return { indexType: 'hnsw', space: configuration?.hnsw?.space ?? 'l2' };
}

/** What a native collection is to us. `undefined`: a namespace, or one of others that can't be told. */
function toRow(native: NativeCollection): ChromaCollection | undefined {
  const { id, metadata } = native;
  const { indexType, space } = indexOf(native);
  if (isForeign(native)) {
    const { name, dimension } = native;
    const metric = metrics[space];
    const usable = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/.test(name) && typeof dimension === 'number';
    if (!usable || metric === undefined) return undefined;
    const definition = { dimension, metric, embeddingModel: undefined, fields: {} };
    return { name, indexType, ...definition, metadata: JSON.stringify(metadata ?? {}), native: id, foreign: true };
  }
  const name = metadata?.[keys.name];
  const dimension = metadata?.[keys.dimension];
  const metric = metrics[space];
  if (typeof name !== 'string' || typeof dimension !== 'number' || metric === undefined) return undefined;
  const settings = decodeSettings(String(metadata?.[keys.settings] ?? ''));
  return { name, indexType, dimension, metric, ...settings, native: id, foreign: false };
}

function vanished(name: string): StorageError {
  return new StorageError({
    code: 'conflict',
    message: `Collection ${name} was deleted by somebody else while it was made; make it again.`,
    details: { collection: name },
    applied: 'unknown',
  });
}
