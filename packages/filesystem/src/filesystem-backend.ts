import {
  type BackendContext,
  type ClientHolder,
  createHealth,
  createLifecycle,
  createRecordStore,
  injectedClient,
  type Lifecycle,
  ownedClient,
} from '@storage/backend-kit';
import type { Backend, CallOptions, FacetToken, HealthReport, RecordStore } from '@storage/core';
import { type FilesystemCapabilities, filesystemCapabilities } from './filesystem-capabilities.ts';
import { connectFilesystem, type FilesystemClient } from './filesystem-client.ts';
import { translateFilesystem } from './filesystem-errors.ts';
import { type FilesystemOptions, filesystemSettings } from './filesystem-options.ts';
import { FilesystemRecords } from './filesystem-records.ts';

/** Filesystem as a backend. */
export interface FilesystemBackend extends Backend<FilesystemCapabilities> {
  readonly records: RecordStore;
}

class Filesystem implements FilesystemBackend {
  readonly name = 'filesystem';
  readonly capabilities: FilesystemCapabilities = filesystemCapabilities;
  readonly records: RecordStore;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #lifecycle: Lifecycle;

  constructor(options: FilesystemOptions) {
    const { url, client, clock, newId, defaultTimeoutMs } = filesystemSettings(options);
    const holder: ClientHolder<FilesystemClient> =
      client === undefined
        ? ownedClient(
            () => connectFilesystem(url),
            (own) => own.close(),
          )
        : injectedClient(client);
    this.#lifecycle = createLifecycle({
      backend: this.name,
      open: async () => {
        await holder.get();
      },
      close: () => holder.close(),
      defaultTimeoutMs,
    });
    const context: BackendContext = {
      name: this.name,
      capabilities: this.capabilities,
      lifecycle: this.#lifecycle,
      translate: translateFilesystem,
      newId,
      defaultTimeoutMs,
    };
    this.records = createRecordStore(new FilesystemRecords(() => holder.get(), clock), context);
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate: translateFilesystem,
      clock,
      defaultTimeoutMs,
      check: async () => {
        await (await holder.get()).ping();
        return {};
      },
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

/** Makes a Filesystem backend, not yet open. */
export function createFilesystem(options: FilesystemOptions = {}): FilesystemBackend {
  return new Filesystem(options);
}
