import type { Call, CollectionDefinition } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import type { IndexFacts, PineconeControl } from './pinecone-control.ts';
import type { Collection, Indexes, Layout } from './pinecone-layout.ts';
import { collectionOfIndex, indexNameOf } from './pinecone-names.ts';
import type { IndexSpec } from './pinecone-options.ts';
import { settingsFromTags, settingsToTags } from './pinecone-settings-text.ts';

/** The name of a collection whose index has a hash for a name. */
const nameTag = 'storage-name';
/** What the names of the store's indexes begin with, so that one store does not take another's for its own. */
const prefixTag = 'storage-prefix';
const maxAttempts = 3;

/** Each collection is an index of its own; what Pinecone has no place for is in the index's tags. */
export class OwnIndexes implements Layout {
  readonly #control: PineconeControl;
  readonly #indexes: Indexes;
  readonly #prefix: string;
  readonly #base: readonly string[];
  readonly #spec: IndexSpec;

  constructor(
    control: PineconeControl,
    indexes: Indexes,
    options: { readonly prefix: string; readonly namespace: string | undefined; readonly spec: IndexSpec },
  ) {
    this.#control = control;
    this.#indexes = indexes;
    this.#prefix = options.prefix;
    this.#base = options.namespace === undefined ? [] : [options.namespace];
    this.#spec = options.spec;
  }

  async create(
    name: string,
    definition: CollectionDefinition,
    call: Call,
  ): Promise<{ readonly collection: Collection; readonly created: boolean }> {
    const index = indexNameOf(this.#prefix, name);
    const tags = { [prefixTag]: `${this.#prefix}.`, [nameTag]: name, ...settingsToTags(definition) };
    const { dimension, metric } = definition;
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const created = await this.#control.create(index, { dimension, metric, spec: this.#spec }, tags, call);
      if (!created && (await this.#control.leaving(index, call))) continue;
      const facts = await this.#control.ready(index, call);
      if (facts !== undefined) return { collection: this.#toCollection(name, facts), created };
    }
    throw new StorageError({
      code: 'conflict',
      message: `Index ${index} of collection ${name} is deleted by somebody else again and again.`,
      details: { collection: name, index },
    });
  }

  async delete(name: string, call: Call): Promise<boolean> {
    const index = indexNameOf(this.#prefix, name);
    const facts = await this.#control.describe(index, call);
    if (facts === undefined) return false;
    const deleted = await this.#control.delete(index, call);
    this.#indexes.forget({ facts });
    return deleted;
  }

  async find(name: string, call: Call): Promise<Collection | undefined> {
    const index = indexNameOf(this.#prefix, name);
    const facts = await this.#control.describe(index, call);
    if (facts === undefined || facts.state === 'Terminating') return undefined;
    const ready = facts.ready ? facts : await this.#control.ready(index, call);
    return ready && this.#toCollection(name, ready);
  }

  async names(call: Call): Promise<readonly string[]> {
    return (await this.#control.list(call)).flatMap((facts) => this.#nameOf(facts) ?? []);
  }

  #nameOf({ name, tags, state }: IndexFacts): string | undefined {
    if (state === 'Terminating' || !name.startsWith(this.#prefix)) return undefined;
    const prefix = tags[prefixTag];
    if (prefix !== undefined) return prefix === `${this.#prefix}.` ? tags[nameTag] : undefined;
    // Something else made it; its name tells.
    return collectionOfIndex(this.#prefix, name);
  }

  #toCollection(name: string, facts: IndexFacts): Collection {
    const { dimension, metric, kind, tags } = facts;
    const index = this.#indexes.of(facts);
    return { name, dimension, metric, indexType: kind, ...settingsFromTags(tags), index, base: this.#base };
  }
}
