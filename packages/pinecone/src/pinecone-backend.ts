import {
  type BackendContext,
  type Call,
  createHealth,
  createLifecycle,
  createVectorStore,
  type HealthFinding,
  type Lifecycle,
} from '@storage/backend-kit';
import {
  type Backend,
  type CallOptions,
  type FacetToken,
  type HealthReport,
  invalidArgument,
  type VectorStore,
} from '@storage/core';
import { type PineconeCapabilities, pineconeCapabilities } from './pinecone-capabilities.ts';
import { type Connection, connectPinecone } from './pinecone-client.ts';
import { PineconeControl } from './pinecone-control.ts';
import { translatePinecone } from './pinecone-errors.ts';
import { Indexes, KnownCollections, type Layout } from './pinecone-layout.ts';
import { OneIndex } from './pinecone-one-index.ts';
import { type PineconeOptions, type PineconeSettings, pineconeSettings } from './pinecone-options.ts';
import { OwnIndexes } from './pinecone-own-indexes.ts';
import { PineconeVectors } from './pinecone-vectors.ts';

/** Pinecone as a backend: vectors. */
export interface PineconeBackend extends Backend<PineconeCapabilities> {
  readonly name: 'pinecone';
  readonly vectors: VectorStore;
}

/** Makes the layout of a store from what it needs. */
export type LayoutOf = (control: PineconeControl, indexes: Indexes, settings: PineconeSettings) => Layout;

/** By `indexName`: all collections in one index, or each in its own. */
const layoutOf: LayoutOf = (control, indexes, { indexName, namespace, prefix, spec }) =>
  indexName === undefined
    ? new OwnIndexes(control, indexes, { prefix, namespace, spec })
    : new OneIndex(control, indexes, { indexName, namespace, spec });

class Pinecone implements PineconeBackend {
  readonly name = 'pinecone';
  readonly capabilities: PineconeCapabilities;
  readonly vectors: VectorStore;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #settings: PineconeSettings;
  readonly #lifecycle: Lifecycle;
  readonly #control: PineconeControl;
  #connection: Connection | undefined;

  constructor(settings: PineconeSettings, makeLayout: LayoutOf) {
    const { clock, newId, defaultTimeoutMs } = settings;
    this.#settings = settings;
    this.capabilities = pineconeCapabilities(settings);
    const connection = (): Connection => this.#there;
    this.#control = new PineconeControl(connection, settings.readyTimeoutMs);
    const layout = makeLayout(this.#control, new Indexes(connection), settings);
    this.#lifecycle = createLifecycle({
      backend: this.name,
      open: (call) => this.#open(call),
      // The SDK holds nothing: requests that are under way end by themselves.
      close: () => {
        this.#connection = undefined;
      },
      defaultTimeoutMs,
    });
    const context: BackendContext = {
      name: this.name,
      capabilities: this.capabilities,
      lifecycle: this.#lifecycle,
      translate: translatePinecone,
      clock,
      newId,
      defaultTimeoutMs,
    };
    this.vectors = createVectorStore(new PineconeVectors(new KnownCollections(layout), settings.scanLimit), context);
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate: translatePinecone,
      clock,
      defaultTimeoutMs,
      check: (call) => this.#ask(call),
    });
  }

  get #there(): Connection {
    if (this.#connection === undefined) throw new Error('The connection is used before the backend is open.');
    return this.#connection;
  }

  facet<T>(_token: FacetToken<T>): T | undefined {
    return undefined;
  }

  open(options?: CallOptions): Promise<void> {
    return this.#lifecycle.open(options);
  }

  close(options?: CallOptions): Promise<void> {
    return this.#lifecycle.close(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Asks once, so that a wrong key or address is told here and not by the first call. */
  async #open(call: Call): Promise<void> {
    const { client, apiKey } = this.#settings;
    if (client === undefined && apiKey === undefined)
      throw invalidArgument('apiKey is missing; give it (or PINECONE_API_KEY), or a client.', { path: 'apiKey' });
    this.#connection = await connectPinecone(this.#settings);
    try {
      await this.#ask(call);
    } catch (error) {
      this.#connection = undefined;
      throw translatePinecone(error, { operation: 'open', key: undefined, write: false });
    }
  }

  async #ask(call: Call): Promise<HealthFinding> {
    const { indexName } = this.#settings;
    if (indexName === undefined) return { details: { indexes: (await this.#control.list(call)).length } };
    const facts = await this.#control.describe(indexName, call);
    if (facts === undefined) return { details: { index: indexName, state: 'not made yet' } };
    const { state, ready, kind, dimension, metric } = facts;
    const details = { index: indexName, state, kind, dimension, metric };
    const [only] = this.capabilities.vectors.metrics;
    if (metric !== only)
      throw invalidArgument(
        `Index ${indexName} measures by ${metric}, not ${only}; open it with metric: '${metric}', or use another indexName.`,
        { path: 'metric', index: indexName, metric },
      );
    return ready ? { details } : { status: 'degraded', message: `Index ${indexName} is ${state}.`, details };
  }
}

/** Makes a Pinecone backend, not yet open. Nothing is asked before `open`. Bad options are `invalid_argument` at once. */
export function createPinecone(options?: PineconeOptions): PineconeBackend {
  return makePinecone(options, layoutOf);
}

/** The same with another layout. */
export function makePinecone(options: PineconeOptions | undefined, makeLayout: LayoutOf): PineconeBackend {
  return new Pinecone(pineconeSettings(options), makeLayout);
}
