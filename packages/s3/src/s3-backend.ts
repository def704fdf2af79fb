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
import { type S3Capabilities, s3Capabilities } from './s3-capabilities.ts';
import { connectS3, type S3Client } from './s3-client.ts';
import { translateS3 } from './s3-errors.ts';
import { type S3Options, s3Settings } from './s3-options.ts';
import { S3Records } from './s3-records.ts';

/** S3 as a backend. */
export interface S3Backend extends Backend<S3Capabilities> {
  readonly records: RecordStore;
}

class S3 implements S3Backend {
  readonly name = 's3';
  readonly capabilities: S3Capabilities = s3Capabilities;
  readonly records: RecordStore;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #lifecycle: Lifecycle;

  constructor(options: S3Options) {
    const { url, client, clock, newId, defaultTimeoutMs } = s3Settings(options);
    const holder: ClientHolder<S3Client> =
      client === undefined
        ? ownedClient(
            () => connectS3(url),
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
      translate: translateS3,
      newId,
      defaultTimeoutMs,
    };
    this.records = createRecordStore(new S3Records(() => holder.get(), clock), context);
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate: translateS3,
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

/** Makes a S3 backend, not yet open. */
export function createS3(options: S3Options = {}): S3Backend {
  return new S3(options);
}
