import {
  type BackendContext,
  type Call,
  createHealth,
  createLifecycle,
  createMessaging,
  createRecordStore,
  createTransactions,
  type Lifecycle,
  type MessagingFacade,
} from '@storage/backend-kit';
import type {
  Backend,
  CallOptions,
  FacetToken,
  HealthReport,
  Messaging,
  RecordStore,
  Transactions,
} from '@storage/core';
import { type MongoCapabilities, mongoCapabilities } from './mongo-capabilities.ts';
import { translateFor, translateMongo } from './mongo-errors.ts';
import { checkHealth } from './mongo-health.ts';
import { MongoMessaging } from './mongo-messaging.ts';
import { type MongoOptions, type MongoSettings, mongoSettings } from './mongo-options.ts';
import { checkPromises } from './mongo-promises.ts';
import { MongoRecords } from './mongo-records.ts';
import { applySchema } from './mongo-schema.ts';
import { type MongoStore, openMongo } from './mongo-store.ts';
import { MongoSweep } from './mongo-sweep.ts';
import { MongoTransactions } from './mongo-transactions.ts';

/** A store in one collection of MongoDB, and those beside it. */
export interface MongoBackend extends Backend<MongoCapabilities> {
  readonly name: 'mongo';
  readonly records: RecordStore;
  /** There with `changeStreams: true`. */
  readonly messaging?: Messaging;
  /** There with `transactions: true`. */
  readonly transactions?: Transactions;
}

class Mongo implements MongoBackend {
  readonly name = 'mongo';
  readonly capabilities: MongoCapabilities;
  readonly records: RecordStore;
  readonly messaging?: MessagingFacade;
  readonly transactions?: Transactions;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #settings: MongoSettings;
  readonly #lifecycle: Lifecycle;
  readonly #records = new MongoRecords();
  readonly #messages = new MongoMessaging();
  readonly #transactions = new MongoTransactions(this.#records);
  #store!: MongoStore;
  #sweep!: MongoSweep;

  constructor(settings: MongoSettings) {
    const { clock, newId, defaultTimeoutMs } = settings;
    this.#settings = settings;
    this.capabilities = mongoCapabilities(settings);
    this.#lifecycle = createLifecycle({
      backend: this.name,
      open: (call) => this.#connect(call),
      close: () => this.#disconnect(),
      defaultTimeoutMs,
    });
    const context: BackendContext = {
      name: this.name,
      capabilities: this.capabilities,
      lifecycle: this.#lifecycle,
      translate: (error, site) => translateFor(this.#store)(error, site),
      newId,
      defaultTimeoutMs,
    };
    this.records = createRecordStore(this.#records, context);
    if (settings.changeStreams) this.messaging = createMessaging(this.#messages, context);
    if (settings.transactions) this.transactions = createTransactions(this.#transactions, context);
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate: translateMongo,
      clock,
      defaultTimeoutMs,
      check: (call) => checkHealth(this.#store, settings, this.#trouble(), call),
    });
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

  async #connect(call: Call): Promise<void> {
    try {
      const store = await openMongo(this.#settings);
      try {
        call.check();
        await applySchema(store, this.#settings, call);
        await checkPromises(store, this.#settings);
      } catch (error) {
        await store.close();
        throw error;
      }
      const sweep = new MongoSweep(store);
      this.#store = store;
      this.#sweep = sweep;
      this.#messages.attach(store);
      this.#transactions.attach(store);
      this.#records.attach(
        store,
        () => sweep.afterWrite(),
        this.#settings.transactions ? (steps, call) => this.#transactions.run(steps, call) : undefined,
      );
    } catch (error) {
      throw translateMongo(error, { operation: 'open', key: undefined, write: false });
    }
  }

  /** What went wrong where nobody waits for it. */
  #trouble(): string | undefined {
    const { trouble } = this.#sweep;
    return trouble === undefined
      ? undefined
      : translateMongo(trouble, { operation: 'sweep', key: undefined, write: true }).message;
  }

  async #disconnect(): Promise<void> {
    await this.messaging?.[Symbol.asyncDispose]();
    await this.#sweep.stop();
    await this.#store.close();
  }
}

/** A store in MongoDB. Nothing is connected before `open`. Bad options are `invalid_argument` at once. */
export function createMongo(options: MongoOptions = {}): MongoBackend {
  return new Mongo(mongoSettings(options));
}
