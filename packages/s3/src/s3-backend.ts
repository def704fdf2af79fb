import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import {
  type BackendContext,
  type Call,
  CallGuard,
  createHealth,
  createLifecycle,
  createRecordStore,
  type HealthFinding,
  type Lifecycle,
} from '@storage/backend-kit';
import {
  type Backend,
  type CallOptions,
  type FacetToken,
  type HealthReport,
  type RecordStore,
  withContext,
} from '@storage/core';
import type { Client } from 'minio';
import { openBucket, probeConditions } from './s3-bucket.ts';
import { type S3Capabilities, s3Capabilities } from './s3-capabilities.ts';
import { s3Translator } from './s3-errors.ts';
import { applyLifecycle } from './s3-lifecycle.ts';
import { createNames } from './s3-names.ts';
import { S3Objects } from './s3-objects.ts';
import { type S3Options, type S3Settings, toSettings } from './s3-options.ts';
import { createPresignedUrls, type PresignedUrls, presignedUrls } from './s3-presign.ts';
import { S3Records } from './s3-records.ts';
import { S3Sweep } from './s3-sweep.ts';
import { S3Wire } from './s3-wire.ts';
import { ServerClock } from './server-clock.ts';

/** A store in a bucket. */
export interface S3Backend extends Backend<S3Capabilities> {
  readonly name: 's3';
  readonly records: RecordStore;
  /** The same as `facet(presignedUrls)`. */
  readonly presignedUrls: PresignedUrls;
}

interface Connection {
  readonly client: Client;
  /** Ends its connections; nothing where the client is not ours. */
  readonly close: () => void;
}

async function connect(settings: S3Settings): Promise<Connection> {
  const { client, host, port, secure, region, accessKey, secretKey, sessionToken, pathStyle, maxConnections } =
    settings;
  if (client !== undefined) return { client, close: () => undefined };
  // Loaded when it is needed: it is large.
  const minio = await import('minio');
  const Agent = secure ? HttpsAgent : HttpAgent;
  const agent = new Agent({ keepAlive: true, maxSockets: maxConnections, scheduling: 'lifo' });
  const own = new minio.Client({
    endPoint: host,
    ...(port !== undefined && { port }),
    useSSL: secure,
    region,
    ...(accessKey !== undefined && { accessKey }),
    ...(secretKey !== undefined && { secretKey }),
    ...(sessionToken !== undefined && { sessionToken }),
    pathStyle,
    transportAgent: agent,
  });
  return { client: own, close: () => agent.destroy() };
}

class S3 implements S3Backend {
  readonly name = 's3';
  readonly capabilities: S3Capabilities;
  readonly records: RecordStore;
  readonly presignedUrls: PresignedUrls;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #settings: S3Settings;
  readonly #context: BackendContext;
  readonly #clock: ServerClock;
  readonly #lifecycle: Lifecycle;
  readonly #records: S3Records;
  #connection: Connection | undefined;
  #objects!: S3Objects;
  #sweep: S3Sweep | undefined;

  constructor(settings: S3Settings) {
    const { newId, defaultTimeoutMs, layout, prefix } = settings;
    this.#settings = settings;
    this.#clock = new ServerClock(settings.clock);
    this.capabilities = s3Capabilities(settings);
    const translate = s3Translator(settings);
    this.#lifecycle = createLifecycle({
      backend: this.name,
      open: (call) => this.#open(call),
      close: () => this.#close(),
      defaultTimeoutMs,
    });
    this.#context = {
      name: this.name,
      capabilities: this.capabilities,
      lifecycle: this.#lifecycle,
      translate,
      newId,
      defaultTimeoutMs,
    };
    const names = createNames(layout, prefix);
    this.#records = new S3Records({
      settings,
      clock: this.#clock,
      names,
      translate,
      afterWrite: () => this.#sweep?.afterWrite(this.#clock.now()),
    });
    this.records = createRecordStore(this.#records, this.#context);
    this.presignedUrls = createPresignedUrls(new CallGuard(this.#context), names, () => this.#objects.wire);
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate,
      clock: settings.clock,
      defaultTimeoutMs,
      check: (call) => this.#check(call),
    });
  }

  facet<T>(token: FacetToken<T>): T | undefined {
    return token.id === presignedUrls.id ? (this.presignedUrls as T) : undefined;
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

  async #open(call: Call): Promise<void> {
    const settings = this.#settings;
    let connection: Connection | undefined;
    try {
      connection = await connect(settings);
      const objects = new S3Objects(new S3Wire(connection.client, settings.bucket, this.#clock));
      await openBucket(objects, settings, call);
      await probeConditions(objects, settings, call);
      if (settings.lifecycle.length > 0) await applyLifecycle(objects.wire, settings, call);
      this.#records.attach(objects);
      this.#sweep = settings.sweep
        ? new S3Sweep(objects, settings.prefix, (name, inner) => this.#records.removeExpired(name, inner))
        : undefined;
      this.#objects = objects;
      this.#connection = connection;
    } catch (error) {
      connection?.close();
      const site = { operation: 'open', key: undefined, write: false };
      throw withContext(this.#context.translate(error, site), { backend: this.name, operation: site.operation });
    }
  }

  async #close(): Promise<void> {
    await this.#sweep?.idle();
    await this.#records.close();
    this.#connection?.close();
  }

  async #check(call: Call): Promise<HealthFinding> {
    const { bucket, prefix, host, port, region, layout, conditional, lifecycle } = this.#settings;
    await this.#objects.list(prefix, '', 1, '', call);
    const details = {
      bucket,
      prefix,
      endpoint: port === undefined ? host : `${host}:${port}`,
      region,
      layout,
      conditional: [...conditional],
      lifecycle: [...lifecycle],
      clockOffsetMs: this.#clock.offset,
    };
    const trouble = this.#sweep?.trouble;
    if (trouble === undefined) return { details };
    const { message } = this.#context.translate(trouble, { operation: 'sweep', key: undefined, write: true });
    return { status: 'degraded', message: `Expired records could not be removed: ${message}`, details };
  }
}

/** A store in a bucket of S3 or of a server that speaks it. Nothing is sent before `open`. Bad options are `invalid_argument` at once. */
export function createS3(options: S3Options): S3Backend {
  return new S3(toSettings(options));
}
