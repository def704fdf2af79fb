import {
  type BackendContext,
  createHealth,
  createLifecycle,
  createMessaging,
  createRecordStore,
  createTranslator,
  createVectorStore,
  type Lifecycle,
} from '@storage/backend-kit';
import type {
  Backend,
  CallOptions,
  FacetToken,
  HealthReport,
  Messaging,
  RecordStore,
  VectorStore,
} from '@storage/core';
import { type MemoryCapabilities, memoryCapabilities } from './memory-capabilities.ts';
import { MemoryMessaging } from './memory-messaging.ts';
import { type MemoryOptions, memoryLimits } from './memory-options.ts';
import { MemoryRecords } from './memory-records.ts';
import { MemoryVectors } from './memory-vectors.ts';

/** A backend in this process's memory. What it keeps is gone with it. */
export interface MemoryBackend extends Backend<MemoryCapabilities> {
  readonly records: RecordStore;
  readonly vectors: VectorStore;
  readonly messaging: Messaging;
}

class Memory implements MemoryBackend {
  readonly name = 'memory';
  readonly capabilities: MemoryCapabilities = memoryCapabilities;
  readonly records: RecordStore;
  readonly vectors: VectorStore;
  readonly messaging: Messaging;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #lifecycle: Lifecycle;

  constructor(options: MemoryOptions) {
    const { clock = Date.now, newId, defaultTimeoutMs } = options;
    const limits = memoryLimits(options);
    const translate = createTranslator(this.name, () => undefined);
    const records = new MemoryRecords(clock, limits);
    const vectors = new MemoryVectors(limits);
    this.#lifecycle = createLifecycle({
      backend: this.name,
      open: () => undefined,
      close: () => messaging[Symbol.asyncDispose](),
      defaultTimeoutMs,
    });
    const context: BackendContext = {
      name: this.name,
      capabilities: this.capabilities,
      lifecycle: this.#lifecycle,
      translate,
      newId,
      clock,
      defaultTimeoutMs,
    };
    this.records = createRecordStore(records, context);
    this.vectors = createVectorStore(vectors, context);
    const messaging = createMessaging(new MemoryMessaging(), context);
    this.messaging = messaging;
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate,
      clock,
      defaultTimeoutMs,
      check: () => ({ details: { records: records.usage(), vectors: vectors.usage(), ...limits } }),
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
}

/** Makes a memory backend. It begins empty. */
export function createMemory(options: MemoryOptions = {}): MemoryBackend {
  return new Memory(options);
}
