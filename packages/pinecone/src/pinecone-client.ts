import type { Pinecone } from '@pinecone-database/pinecone';
import type { PineconeSettings } from './pinecone-options.ts';
import { type Fetch, PineconeTransport } from './pinecone-transport.ts';

/** A client of the vendor's SDK, as far as it is needed. */
export type PineconeClient = Pick<Pinecone, 'getConfig'>;

/** The SDK with a transport of ours under it. */
export interface Connection {
  readonly sdk: Pinecone;
  readonly transport: PineconeTransport;
}

/** Makes the connection. No request is sent. */
export async function connectPinecone(settings: PineconeSettings): Promise<Connection> {
  const { apiKey, controllerUrl, client, maxRetries, requestTimeoutMs } = settings;
  const { Pinecone } = await import('@pinecone-database/pinecone');
  const given = client?.getConfig();
  const send = (given?.fetchApi ?? globalThis.fetch) as Fetch;
  const transport = new PineconeTransport({ fetch: send, maxRetries, requestTimeoutMs });
  const sdk = new Pinecone({
    ...(given ?? { apiKey: apiKey ?? '' }),
    ...(controllerUrl !== undefined && { controllerHostUrl: controllerUrl }),
    fetchApi: transport.fetch as NonNullable<ReturnType<Pinecone['getConfig']>['fetchApi']>,
    maxRetries: 0,
  });
  return { sdk, transport };
}
