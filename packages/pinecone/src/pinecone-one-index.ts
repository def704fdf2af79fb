import { type Call, type CollectionDefinition, decodeSettings } from '@storage/backend-kit';
import { type Metric, StorageError } from '@storage/core';
import type { IndexFacts, PineconeControl } from './pinecone-control.ts';
import { anyVector, type PineconeIndex } from './pinecone-index.ts';
import { type Collection, type Indexes, isWithin, type Layout } from './pinecone-layout.ts';
import { defaultNamespace, namespaceOf, unescapeName } from './pinecone-names.ts';
import type { IndexSpec } from './pinecone-options.ts';
import { type EncodedRecord, maxRecordMetadata } from './pinecone-records.ts';
import { settingsText } from './pinecone-settings-text.ts';
import { pause } from './pinecone-transport.ts';

/** Namespaces that begin so are the catalogue: one for each collection, with one record. */
const catalogue = '__storage__:';
const entryId = 'collection';
/** How long somebody else may take between making a catalogue's namespace and writing its record, in milliseconds. */
const entryMs = 5000;
const lookMs = 50;

/** All collections are namespaces of one index, which has one dimension and one metric. */
export class OneIndex implements Layout {
  readonly #control: PineconeControl;
  readonly #indexes: Indexes;
  readonly #name: string;
  readonly #root: readonly string[];
  readonly #spec: IndexSpec;

  constructor(
    control: PineconeControl,
    indexes: Indexes,
    options: { readonly indexName: string; readonly namespace: string | undefined; readonly spec: IndexSpec },
  ) {
    this.#control = control;
    this.#indexes = indexes;
    this.#name = options.indexName;
    this.#root = options.namespace === undefined ? [] : [options.namespace];
    this.#spec = options.spec;
  }

  async create(
    name: string,
    definition: CollectionDefinition,
    call: Call,
  ): Promise<{ readonly collection: Collection; readonly created: boolean }> {
    const facts = await this.#makeIndex(definition, call);
    const there = await this.#find(name, facts, call);
    if (there !== undefined) return { collection: there, created: false };
    checkShape(facts, definition);
    const settings = settingsText(definition);
    const record = catalogueRecord(name, settings, facts.dimension);
    const index = this.#indexes.of(facts);
    const entry = this.#entryOf(name);
    // The one step that has a winner.
    if (facts.kind === 'serverless' && !(await index.createNamespace(entry, call))) {
      const other = await this.#find(name, facts, call, true);
      return { collection: other ?? this.#toCollection(name, facts, ''), created: false };
    }
    await index.upsert(entry, [record], call);
    await index.waitVisible(entry, call);
    return { collection: this.#toCollection(name, facts, settings), created: true };
  }

  async delete(name: string, call: Call): Promise<boolean> {
    const facts = await this.#facts(call);
    const found = facts && (await this.#find(name, facts, call));
    if (found === undefined) return false;
    const { index } = found;
    const root = namespaceOf(found.base);
    const places = new Set([root, ...(await index.stats(undefined, call)).keys(), ...index.freshness.names()]);
    const entry = this.#entryOf(name);
    for (const place of [...places].filter((each) => isWithin(each, root))) await index.dropNamespace(place, call);
    await index.dropNamespace(entry, call);
    for (const place of [entry, root]) await index.waitVisible(place, call);
    return true;
  }

  async find(name: string, call: Call): Promise<Collection | undefined> {
    const facts = await this.#facts(call);
    return facts && this.#find(name, facts, call);
  }

  async names(call: Call): Promise<readonly string[]> {
    const facts = await this.#facts(call);
    if (facts === undefined) return [];
    const places = await this.#indexes.of(facts).stats(undefined, call);
    const start = this.#root.length === 0 ? '' : `${namespaceOf(this.#root)}:`;
    return [...places.keys()].flatMap((place) => {
      const listed = place.startsWith(catalogue) ? place.slice(catalogue.length) : place;
      if (listed === defaultNamespace || !listed.startsWith(start)) return [];
      // What is below a collection has one more colon.
      const own = listed.slice(start.length);
      const name = own.includes(':') ? undefined : unescapeName(own);
      return name !== undefined && /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/.test(name) ? [name] : [];
    });
  }

  /** The index, ready; `undefined`: there is none. */
  async #facts(call: Call): Promise<IndexFacts | undefined> {
    const facts = await this.#control.describe(this.#name, call);
    return facts === undefined || facts.ready ? facts : this.#control.ready(this.#name, call);
  }

  async #makeIndex({ dimension, metric }: CollectionDefinition, call: Call): Promise<IndexFacts> {
    const there = await this.#facts(call);
    if (there !== undefined) return there;
    await this.#control.create(this.#name, { dimension, metric, spec: this.#spec }, {}, call);
    const made = await this.#control.ready(this.#name, call);
    if (made !== undefined) return made;
    throw new StorageError({
      code: 'conflict',
      message: `Index ${this.#name} was deleted by somebody else while it was made.`,
      details: { index: this.#name },
    });
  }

  /** `expected`: somebody is known to have made it, so its entry is waited for. */
  async #find(name: string, facts: IndexFacts, call: Call, expected = false): Promise<Collection | undefined> {
    const index = this.#indexes.of(facts);
    const entry = this.#entryOf(name);
    const settings = await readEntry(index, entry, call);
    if (settings !== undefined) return this.#toCollection(name, facts, settings);
    if (expected || (facts.kind === 'serverless' && (await index.hasNamespace(entry, call)))) {
      const start = performance.now();
      while (performance.now() - start < entryMs) {
        await pause(lookMs, call);
        const late = await readEntry(index, entry, call);
        if (late !== undefined) return this.#toCollection(name, facts, late);
        if (!(await index.hasNamespace(entry, call)) && !expected) break;
      }
    }
    // Something else may have filled a namespace of this name.
    const place = namespaceOf([...this.#root, name]);
    return (await index.hasNamespace(place, call)) ? this.#toCollection(name, facts, '') : undefined;
  }

  #entryOf(name: string): string {
    return catalogue + namespaceOf([...this.#root, name]);
  }

  #toCollection(name: string, facts: IndexFacts, settings: string): Collection {
    const { dimension, metric, kind } = facts;
    const index = this.#indexes.of(facts);
    const base = [...this.#root, name];
    return { name, dimension, metric, indexType: kind, ...decodeSettings(settings), index, base };
  }
}

async function readEntry(index: PineconeIndex, entry: string, call: Call): Promise<string | undefined> {
  const found = await index.fetch(entry, [entryId], call);
  const settings = found.get(entryId)?.metadata?.['settings'];
  return typeof settings === 'string' ? settings : undefined;
}

function catalogueRecord(name: string, settings: string, dimension: number): EncodedRecord {
  const metadata = { name, settings };
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes > maxRecordMetadata)
    throw new StorageError({
      code: 'too_large',
      message: `The collection's metadata and fields take ${bytes} bytes; Pinecone keeps ${maxRecordMetadata}.`,
      applied: 'no',
      details: { limit: maxRecordMetadata, actual: bytes },
    });
  return { id: entryId, vector: anyVector(dimension), metadata, bytes };
}

function checkShape(
  { name, dimension, metric }: IndexFacts,
  asked: { readonly dimension: number; readonly metric: Metric },
): void {
  if (asked.dimension === dimension && asked.metric === metric) return;
  throw new StorageError({
    code: 'invalid_state',
    message: `Index ${name}, in which all collections live, has dimension ${dimension} and metric ${metric}; ${asked.dimension} and ${asked.metric} need another \`indexName\`, or leave it out.`,
    applied: 'no',
    details: { index: name, dimension, metric },
  });
}
