import type { Call, CollectionDefinition, CollectionRow, RowPage } from '@storage/backend-kit';
import { compareCodePoints } from '@storage/core/filter';
import type { Connection } from './pinecone-client.ts';
import type { IndexFacts } from './pinecone-control.ts';
import { PineconeIndex } from './pinecone-index.ts';
import { defaultNamespace, namespaceOf } from './pinecone-names.ts';

/** A collection, and where it is. */
export interface Collection extends CollectionRow {
  readonly index: PineconeIndex;
  /** The names that its namespaces begin with. */
  readonly base: readonly string[];
}

/** Where collections are, and how they are made. */
export interface Layout {
  create(
    name: string,
    definition: CollectionDefinition,
    call: Call,
  ): Promise<{ readonly collection: Collection; readonly created: boolean }>;
  delete(name: string, call: Call): Promise<boolean>;
  find(name: string, call: Call): Promise<Collection | undefined>;
  /** Names in no order. */
  names(call: Call): Promise<readonly string[]>;
}

/** The namespace in Pinecone of one of ours. */
export function placeOf({ base }: Pick<Collection, 'base'>, ns: string): string {
  return namespaceOf(ns === '' ? base : [...base, ...ns.split('/')]);
}

/** Whether a namespace in Pinecone is this one of ours or below it. */
export function isWithin(place: string, root: string): boolean {
  if (place === root || place.startsWith(`${root}:`)) return true;
  // Below the default namespace are all that are not reserved.
  return root === defaultNamespace && !place.startsWith('_');
}

/** Indexes by host, so that what was written through one is remembered by it. */
export class Indexes {
  readonly #connection: () => Connection;
  readonly #byHost = new Map<string, PineconeIndex>();

  constructor(connection: () => Connection) {
    this.#connection = connection;
  }

  of(facts: IndexFacts): PineconeIndex {
    const known = this.#byHost.get(facts.host);
    const { dimension, metric } = known?.facts ?? {};
    if (known !== undefined && dimension === facts.dimension && metric === facts.metric) return known;
    const index = new PineconeIndex(this.#connection(), facts);
    this.#byHost.set(facts.host, index);
    return index;
  }

  forget({ facts }: Pick<PineconeIndex, 'facts'>): void {
    this.#byHost.delete(facts.host);
  }
}

/** How long what is known of a collection is used, in milliseconds. */
const knownMs = 10_000;

/**
 * A layout that remembers: a collection is asked for before every call, and Pinecone's control plane is slow and counts requests. What
 * another process changes is noticed when the index refuses a request, or after `knownMs`.
 */
export class KnownCollections {
  readonly #layout: Layout;
  readonly #known = new Map<string, { readonly collection: Collection; readonly until: number }>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  async create(
    name: string,
    definition: CollectionDefinition,
    call: Call,
  ): Promise<{ readonly collection: Collection; readonly created: boolean }> {
    this.#known.delete(name);
    const made = await this.#layout.create(name, definition, call);
    this.#remember(made.collection);
    return made;
  }

  async delete(name: string, call: Call): Promise<boolean> {
    this.#known.delete(name);
    const deleted = await this.#layout.delete(name, call);
    this.#known.delete(name);
    return deleted;
  }

  async find(name: string, call: Call): Promise<Collection | undefined> {
    const known = this.#known.get(name);
    if (known !== undefined && performance.now() < known.until) return known.collection;
    const collection = await this.#layout.find(name, call);
    if (collection === undefined) this.#known.delete(name);
    else this.#remember(collection);
    return collection;
  }

  /** By name in code point order, behind `after`. */
  async list(after: string | undefined, limit: number, call: Call): Promise<RowPage<Collection>> {
    const names = [...new Set(await this.#layout.names(call))]
      .filter((name) => after === undefined || compareCodePoints(name, after) > 0)
      .sort(compareCodePoints);
    const rows: Collection[] = [];
    for (const name of names.slice(0, limit)) {
      const collection = await this.#layout.find(name, call);
      if (collection !== undefined) rows.push(collection);
    }
    return { rows, more: names.length > limit };
  }

  /** Something about it was not as it is known. */
  forget(name: string): void {
    this.#known.delete(name);
  }

  #remember(collection: Collection): void {
    this.#known.set(collection.name, { collection, until: performance.now() + knownMs });
  }
}
