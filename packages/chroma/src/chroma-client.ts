import { type Call, unboundedCall } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import type { AdminClient, ChromaClient } from 'chromadb';
import { isMissing, isTaken } from './chroma-errors.ts';
import { type ChromaAddress, ChromaHttp } from './chroma-http.ts';
import type { ChromaSettings, ChromaTarget } from './chroma-options.ts';
import { type ChromaServer, startChroma } from './chroma-server.ts';

/** A server with what speaks to it. */
export interface ChromaConnection {
  readonly client: ChromaClient;
  readonly http: ChromaHttp;
  /** The most records that a request may hold. */
  readonly maxBatch: number;
  /** Whether vectors may be sent as base64 of their 32-bit floats. */
  readonly base64: boolean;
  close(): Promise<void>;
}

/** What this backend needs of an injected client beside its public members: where it sends its requests. */
function addressOf(client: ChromaClient): ChromaAddress {
  const { tenant = 'default_tenant', database = 'default_database', headers = {} } = client;
  const { apiClient } = client as unknown as {
    readonly apiClient?: { getConfig?(): { readonly baseUrl?: unknown } };
  };
  const base = apiClient?.getConfig?.().baseUrl;
  if (typeof base !== 'string') {
    throw new StorageError({
      code: 'version_mismatch',
      message:
        'The client does not tell where its server is; use one of chromadb 3.5, or give `url` instead of `client`.',
      details: { path: 'client' },
    });
  }
  return { base, headers: headers as { readonly [name: string]: string }, tenant, database };
}

/** Makes what is missing; of several processes that do so at once one does. */
async function ensure(get: () => Promise<unknown>, make: () => Promise<void>): Promise<void> {
  try {
    await get();
  } catch (error) {
    if (!isMissing(error)) throw error;
    await make().catch((late: unknown) => {
      if (!isTaken(late)) throw late;
    });
  }
}

async function ensureDatabase(admin: AdminClient, tenant: string, database: string): Promise<void> {
  try {
    await admin.getDatabase({ name: database, tenant });
  } catch (error) {
    if (!isMissing(error)) throw error;
    await ensure(
      () => admin.getTenant({ name: tenant }),
      () => admin.createTenant({ name: tenant }),
    );
    await ensure(
      () => admin.getDatabase({ name: database, tenant }),
      () => admin.createDatabase({ name: database, tenant }),
    );
  }
}

async function overClient(
  client: ChromaClient,
  address: ChromaAddress,
  server: ChromaServer | undefined,
): Promise<ChromaConnection> {
  const checks = await client.getPreflightChecks();
  const { max_batch_size: maxBatch, supports_base64_encoding: base64 } = checks as {
    readonly max_batch_size?: number;
    readonly supports_base64_encoding?: boolean;
  };
  return {
    client,
    http: new ChromaHttp(address),
    maxBatch: maxBatch !== undefined && maxBatch > 0 ? maxBatch : 5461,
    base64: base64 === true,
    close: async () => server?.stop(),
  };
}

async function connectTo(
  target: ChromaTarget,
  settings: ChromaSettings,
  server: ChromaServer | undefined,
): Promise<ChromaConnection> {
  const { AdminClient: Admin, ChromaClient: Client } = await import('chromadb');
  const { host, port, ssl } = target;
  const { headers, tenant, database } = settings;
  const where = { host, port, ssl, headers: { ...headers } };
  await ensureDatabase(new Admin(where), tenant, database);
  const client = new Client({ ...where, tenant, database });
  const base = `${ssl ? 'https' : 'http'}://${host}:${port}`;
  return await overClient(client, { base, headers, tenant, database }, server);
}

/** Connects, and starts a server before where one is asked for. What was begun is undone when it fails. */
export async function connectChroma(settings: ChromaSettings, call: Call = unboundedCall): Promise<ChromaConnection> {
  const { client, target, persistDirectory } = settings;
  if (client !== undefined) return await overClient(client, addressOf(client), undefined);
  if (target !== undefined) return await connectTo(target, settings, undefined);
  const server = await startChroma(persistDirectory ?? '', call);
  try {
    return await connectTo({ host: '127.0.0.1', port: server.port, ssl: false }, settings, server);
  } catch (error) {
    await server.stop();
    throw error;
  }
}
