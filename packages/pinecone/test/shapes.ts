import type { Call, CollectionDefinition } from '@storage/backend-kit';
import type { Metric } from '@storage/core';
import { makePinecone, type PineconeBackend } from '../src/pinecone-backend.ts';
import type { PineconeControl } from '../src/pinecone-control.ts';
import type { Collection, Indexes, Layout } from '../src/pinecone-layout.ts';
import { OneIndex } from '../src/pinecone-one-index.ts';
import type { PineconeOptions, PineconeSettings } from '../src/pinecone-options.ts';

const letters: { readonly [M in Metric]: string } = { cosine: 'c', dot_product: 'd', euclidean: 'e' };

/**
 * One index has one dimension and one metric, and the kit's collections have many: this is a layout of one index for each shape, so that
 * every collection of the kit lives in one index with all others of its shape.
 */
class ShapesLayout implements Layout {
  readonly #control: PineconeControl;
  readonly #indexes: Indexes;
  readonly #settings: PineconeSettings;
  readonly #layouts = new Map<string, OneIndex>();

  constructor(control: PineconeControl, indexes: Indexes, settings: PineconeSettings) {
    this.#control = control;
    this.#indexes = indexes;
    this.#settings = settings;
  }

  #of(indexName: string): OneIndex {
    const { namespace, spec } = this.#settings;
    const made =
      this.#layouts.get(indexName) ?? new OneIndex(this.#control, this.#indexes, { indexName, namespace, spec });
    this.#layouts.set(indexName, made);
    return made;
  }

  async #all(call: Call): Promise<readonly OneIndex[]> {
    const there = await this.#control.list(call);
    return there.filter(({ name }) => name.startsWith(this.#settings.prefix)).map(({ name }) => this.#of(name));
  }

  async create(
    name: string,
    definition: CollectionDefinition,
    call: Call,
  ): Promise<{ readonly collection: Collection; readonly created: boolean }> {
    const there = await this.find(name, call);
    if (there !== undefined) return { collection: there, created: false };
    const { dimension, metric } = definition;
    return this.#of(`${this.#settings.prefix}${dimension}${letters[metric]}`).create(name, definition, call);
  }

  async delete(name: string, call: Call): Promise<boolean> {
    let deleted = false;
    for (const layout of await this.#all(call)) deleted = (await layout.delete(name, call)) || deleted;
    return deleted;
  }

  async find(name: string, call: Call): Promise<Collection | undefined> {
    for (const layout of await this.#all(call)) {
      const found = await layout.find(name, call);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async names(call: Call): Promise<readonly string[]> {
    const names: string[] = [];
    for (const layout of await this.#all(call)) names.push(...(await layout.names(call)));
    return names;
  }
}

/** A store of such a layout: `prefix` begins the names of its indexes. */
export function createShapes(options: PineconeOptions): PineconeBackend {
  return makePinecone(options, (control, indexes, settings) => new ShapesLayout(control, indexes, settings));
}
