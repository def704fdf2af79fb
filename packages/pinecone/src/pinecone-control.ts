import type { IndexModel } from '@pinecone-database/pinecone';
import type { Call } from '@storage/backend-kit';
import { isStorageError, type Metric, StorageError } from '@storage/core';
import type { Connection } from './pinecone-client.ts';
import { translatePinecone } from './pinecone-errors.ts';
import type { IndexSpec } from './pinecone-options.ts';
import { pause } from './pinecone-transport.ts';

/** An index, as far as it is needed. */
export interface IndexFacts {
  readonly name: string;
  readonly host: string;
  readonly dimension: number;
  readonly metric: Metric;
  /** `serverless` (BYOC too) or `pod`. */
  readonly kind: 'serverless' | 'pod';
  readonly tags: { readonly [key: string]: string };
  readonly ready: boolean;
  /** The vendor's word: `Initializing`. */
  readonly state: string;
}

/** How often an index is asked whether it is ready, or gone: at first, and at most, in milliseconds. */
const firstLookMs = 100;
const longestLookMs = 5000;
const gone: ReadonlySet<string> = new Set(['InitializationFailed', 'Terminating', 'Disabled']);

/** The vendor's word for a metric. */
function vendorMetric(metric: Metric): 'cosine' | 'euclidean' | 'dotproduct' {
  return metric === 'dot_product' ? 'dotproduct' : metric;
}

/** `undefined`: an index of sparse vectors, which none of ours is. */
function toFacts(model: IndexModel): IndexFacts | undefined {
  const { name, dimension, metric, host, privateHost, tags = {}, spec, status } = model;
  if (dimension === undefined || model.vectorType === 'sparse') return undefined;
  return {
    name,
    host: privateHost ?? host,
    dimension,
    metric: metric === 'dotproduct' ? 'dot_product' : (metric as 'cosine' | 'euclidean'),
    kind: 'pod' in spec && spec.pod !== undefined ? 'pod' : 'serverless',
    tags,
    ready: status.ready && status.state !== 'Terminating',
    state: status.state,
  };
}

/** Makes, describes, lists and deletes indexes. */
export class PineconeControl {
  readonly #connection: () => Connection;
  readonly #readyTimeoutMs: number;

  constructor(connection: () => Connection, readyTimeoutMs: number) {
    this.#connection = connection;
    this.#readyTimeoutMs = readyTimeoutMs;
  }

  async #ask<T>(call: Call, write: boolean, work: (sdk: Connection['sdk']) => Promise<T>): Promise<T> {
    const { sdk, transport } = this.#connection();
    try {
      return await transport.run({ call, write, repeatable: !write }, () => work(sdk));
    } catch (error) {
      throw translatePinecone(error, { operation: 'vectors.indexes', key: undefined, write });
    }
  }

  /** `undefined`: there is none. */
  async describe(name: string, call: Call): Promise<IndexFacts | undefined> {
    try {
      return toFacts(await this.#ask(call, false, (sdk) => sdk.describeIndex(name)));
    } catch (error) {
      if (isStorageError(error, 'not_found')) return undefined;
      throw error;
    }
  }

  /** All indexes of dense vectors in the project. */
  async list(call: Call): Promise<readonly IndexFacts[]> {
    const { indexes = [] } = await this.#ask(call, false, (sdk) => sdk.listIndexes());
    return indexes.flatMap((model) => toFacts(model) ?? []);
  }

  /** Makes an index, and answers whether this call made it; it is not ready yet. */
  async create(
    name: string,
    definition: { readonly dimension: number; readonly metric: Metric; readonly spec: IndexSpec },
    tags: { readonly [key: string]: string },
    call: Call,
  ): Promise<boolean> {
    const { dimension, metric, spec } = definition;
    const request = { name, dimension, metric: vendorMetric(metric), spec, tags: { ...tags } };
    try {
      await this.#ask(call, true, (sdk) => sdk.createIndex(request));
      return true;
    } catch (error) {
      if (isStorageError(error, 'already_exists')) return false;
      throw error;
    }
  }

  /** The index once it can be used. Bounded by the call and by `readyTimeoutMs`; the error tells how far it had come. */
  ready(name: string, call: Call): Promise<IndexFacts | undefined> {
    return this.#watch(name, call, 'ready', (facts) => {
      if (facts !== undefined && gone.has(facts.state))
        throw new StorageError({
          code: 'invalid_state',
          message: `Index ${name} is ${facts.state} and will not become ready; delete the collection, or wait until it is gone.`,
          details: { index: name, state: facts.state },
        });
      return facts === undefined || facts.ready;
    });
  }

  /** Whether somebody deletes the index right now; then waits until its name is free. */
  async leaving(name: string, call: Call): Promise<boolean> {
    if ((await this.describe(name, call))?.state !== 'Terminating') return false;
    await this.#watch(name, call, 'deleted', (facts) => facts === undefined);
    return true;
  }

  /** Deletes an index and waits until its name is free. Answers whether it was there. */
  async delete(name: string, call: Call): Promise<boolean> {
    try {
      await this.#ask(call, true, (sdk) => sdk.deleteIndex(name));
    } catch (error) {
      if (isStorageError(error, 'not_found')) return false;
      throw error;
    }
    await this.#watch(name, call, 'deleted', (facts) => facts === undefined);
    return true;
  }

  async #watch(
    name: string,
    call: Call,
    wanted: string,
    done: (facts: IndexFacts | undefined) => boolean,
  ): Promise<IndexFacts | undefined> {
    const start = performance.now();
    let state = 'unknown';
    for (let lookMs = firstLookMs; ; lookMs = Math.min(longestLookMs, lookMs * 1.5)) {
      try {
        const facts = await this.describe(name, call);
        if (done(facts)) return facts;
        state = facts?.state ?? state;
        const waited = performance.now() - start;
        if (waited + lookMs > this.#readyTimeoutMs) throw late(name, wanted, state, waited, this.#readyTimeoutMs);
        await pause(lookMs, call);
      } catch (error) {
        throw told(error, name, state, performance.now() - start);
      }
    }
  }
}

function late(name: string, wanted: string, state: string, waitedMs: number, limitMs: number): StorageError {
  return new StorageError({
    code: 'timeout',
    message: `Index ${name} is not ${wanted} after ${Math.round(waitedMs)} ms, its state is ${state}; it goes on. Call again, or raise \`readyTimeoutMs\` (${limitMs}).`,
    applied: 'unknown',
    details: { index: name, state, waitedMs: Math.round(waitedMs) },
  });
}

/** A wait that was cut short tells how far the index had come. */
function told(error: unknown, index: string, state: string, waited: number): unknown {
  if (!isStorageError(error) || (error.code !== 'aborted' && error.code !== 'timeout') || error.details?.['index'])
    return error;
  const { code, message, retryable, cause } = error;
  const details = { ...error.details, index, state, waitedMs: Math.round(waited) };
  return new StorageError({ code, message: `${message} Index ${index} was ${state}.`, retryable, details, cause });
}
