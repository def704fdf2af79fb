import {
  type BackendContext,
  CallGuard,
  createHealth,
  createLifecycle,
  createRecordStore,
  type Lifecycle,
} from '@storage/backend-kit';
import {
  type Backend,
  type CallOptions,
  type FacetToken,
  type HealthReport,
  type RecordStore,
  StorageError,
} from '@storage/core';
import { type FilesystemCapabilities, filesystemCapabilities } from './filesystem-capabilities.ts';
import { FilesystemEngine } from './filesystem-engine.ts';
import { filesystemTranslator } from './filesystem-errors.ts';
import { type FilesystemOptions, filesystemSettings } from './filesystem-options.ts';
import { FilesystemRecords } from './filesystem-records.ts';
import type { Swept } from './filesystem-sweep.ts';

/** A folder as a backend. */
export interface FilesystemBackend extends Backend<FilesystemCapabilities> {
  readonly records: RecordStore;
  /** Removes every expired record, and what processes left that were killed in the middle of a write. Writes do the same, a little at a time. */
  sweep(options?: CallOptions): Promise<Swept>;
}

class Filesystem implements FilesystemBackend {
  readonly name = 'filesystem';
  readonly capabilities: FilesystemCapabilities;
  readonly records: RecordStore;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #lifecycle: Lifecycle;
  readonly #guard: CallGuard;
  #engine: FilesystemEngine | undefined;

  constructor(options: FilesystemOptions) {
    const settings = filesystemSettings(options);
    const { clock, newId, defaultTimeoutMs, prettyJson, cacheBytes, basePath } = settings;
    this.capabilities = filesystemCapabilities(settings);
    const translate = filesystemTranslator(basePath);
    this.#lifecycle = createLifecycle({
      backend: this.name,
      open: async () => {
        try {
          this.#engine = await FilesystemEngine.open(settings);
        } catch (error) {
          throw translate(error, { operation: 'open', key: undefined, write: false });
        }
      },
      close: async () => {
        await this.#engine?.close();
        this.#engine = undefined;
      },
      defaultTimeoutMs,
    });
    const context: BackendContext = {
      name: this.name,
      capabilities: this.capabilities,
      lifecycle: this.#lifecycle,
      translate,
      newId,
      defaultTimeoutMs,
    };
    this.#guard = new CallGuard(context);
    this.records = createRecordStore(
      new FilesystemRecords(() => this.#opened(), { prettyJson, cacheBytes, clock, translate }),
      context,
    );
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate,
      clock,
      defaultTimeoutMs,
      check: async () => ({ details: await this.#opened().facts() }),
    });
  }

  #opened(): FilesystemEngine {
    if (this.#engine !== undefined) return this.#engine;
    throw new StorageError({
      code: 'closed',
      message: 'The filesystem backend is closed; make a new one.',
      applied: 'no',
    });
  }

  sweep(options?: CallOptions): Promise<Swept> {
    return this.#guard.run('sweep', undefined, true, options, () => (call) => this.#opened().sweep.all(call));
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

/** Makes a filesystem backend, not yet open. */
export function createFilesystem(options: FilesystemOptions = {}): FilesystemBackend {
  return new Filesystem(options);
}
