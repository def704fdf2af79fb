import { checkNumber } from '@storage/backend-kit';
import { type CommonOptions, invalidArgument } from '@storage/core';
import type { ChromaClient } from 'chromadb';

/** How the index of a new collection is built and searched. Missing members: what finds 0.99 of the closest where the server's own defaults find 0.81. */
export interface ChromaIndexOptions {
  /** How many candidates are looked at when a vector is added. Missing: 200. */
  readonly efConstruction?: number | undefined;
  /** How many candidates a search looks at. Missing: 300. */
  readonly efSearch?: number | undefined;
  /** How many neighbours a vector has in the graph. Missing: 32. */
  readonly maxNeighbors?: number | undefined;
}

/** Options of `createChroma`. */
export interface ChromaOptions extends CommonOptions {
  /** Where the server is, in place of `host`, `port` and `ssl`: `http://localhost:8000`. */
  readonly url?: string | undefined;
  /** Missing: `localhost`. */
  readonly host?: string | undefined;
  /** Missing: 8000. */
  readonly port?: number | undefined;
  /** Whether the server is spoken to by HTTPS. Missing: no. */
  readonly ssl?: boolean | undefined;
  /** Goes with every request in the header `x-chroma-token`. */
  readonly authToken?: string | undefined;
  /** More headers for every request: `authorization` for a proxy before the server. */
  readonly headers?: { readonly [name: string]: string } | undefined;
  /** Made when it is missing. Missing: `default_tenant`. */
  readonly tenant?: string | undefined;
  /** Made when it is missing. Missing: `default_database`. */
  readonly database?: string | undefined;
  /** A folder: a Chroma server of this machine is started on it at `open`, and stopped at `close`. */
  readonly persistDirectory?: string | undefined;
  /** The index of collections that are made. */
  readonly hnsw?: ChromaIndexOptions | undefined;
  /** A client of yours to use instead, with its tenant and database; it is never closed. */
  readonly client?: ChromaClient | undefined;
}

/** Where the server is. */
export interface ChromaTarget {
  readonly host: string;
  readonly port: number;
  readonly ssl: boolean;
}

/** Options, checked and complete. */
export interface ChromaSettings {
  /** `undefined`: it is started on `persistDirectory`, or the client knows. */
  readonly target: ChromaTarget | undefined;
  readonly persistDirectory: string | undefined;
  readonly headers: { readonly [name: string]: string };
  readonly tenant: string;
  readonly database: string;
  readonly hnsw: Required<{ [K in keyof ChromaIndexOptions]: number }>;
  readonly client: ChromaClient | undefined;
  readonly clock: () => number;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

function refuse(path: string, message: string): never {
  throw invalidArgument(message, { path });
}

function text(value: unknown, path: string): string {
  if (typeof value !== 'string' || value === '') refuse(path, `${path} is a text that is not empty.`);
  return value;
}

function wholeNumber(value: number, from: number, to: number, path: string): number {
  if (!Number.isInteger(checkNumber(value, from, to, path))) refuse(path, `${path} is a whole number.`);
  return value;
}

function fromUrl(url: string): ChromaTarget {
  const parsed = URL.canParse(url) ? new URL(url) : refuse('url', 'url is an address such as http://localhost:8000.');
  const { protocol, hostname, port, pathname, username, password, search } = parsed;
  if (protocol !== 'http:' && protocol !== 'https:') refuse('url', 'url begins with http:// or https://.');
  if (pathname !== '/' || username !== '' || password !== '' || search !== '')
    refuse('url', 'url is a host and a port alone; the token goes into authToken, the rest into tenant and database.');
  const ssl = protocol === 'https:';
  return { host: hostname, port: port === '' ? (ssl ? 443 : 80) : Number(port), ssl };
}

function toTarget(options: ChromaOptions): ChromaTarget | undefined {
  const { url, host, port, ssl, client, persistDirectory } = options;
  const addressed = [url, host, port, ssl].some((each) => each !== undefined);
  const ways = [client !== undefined, persistDirectory !== undefined, addressed].filter(Boolean).length;
  if (ways > 1)
    refuse(
      'persistDirectory',
      'Give one of client, persistDirectory, or an address (url, or host and port): a server is started for a folder, or is there.',
    );
  if (url !== undefined) {
    if (host !== undefined || port !== undefined || ssl !== undefined)
      refuse('url', 'Give url, or host, port and ssl, not both.');
    return fromUrl(text(url, 'url'));
  }
  if (client !== undefined || persistDirectory !== undefined) return undefined;
  if (ssl !== undefined && typeof ssl !== 'boolean') refuse('ssl', 'ssl is true or false.');
  if (host !== undefined && /[/:@?#\s]/.test(text(host, 'host')))
    refuse('host', 'host is the name of a machine alone; a whole address goes into url.');
  return { host: host ?? 'localhost', port: wholeNumber(port ?? 8000, 1, 65_535, 'port'), ssl: ssl ?? false };
}

function checkClient(options: ChromaOptions): ChromaClient | undefined {
  const { client, tenant, database, authToken, headers } = options;
  if (client === undefined) return undefined;
  if (typeof client !== 'object' || client === null || typeof client.collection !== 'function')
    refuse('client', 'client must be a ChromaClient of chromadb 3.');
  for (const [path, value] of Object.entries({ tenant, database, authToken, headers }))
    if (value !== undefined) refuse(path, `${path} is the client's own where a client is given; set it there.`);
  return client;
}

/** Checks options and fills in what is missing. */
export function toSettings(options: ChromaOptions = {}): ChromaSettings {
  const { authToken, headers = {}, hnsw = {}, persistDirectory, clock = Date.now, newId, defaultTimeoutMs } = options;
  if (typeof headers !== 'object' || headers === null) refuse('headers', 'headers is an object of texts.');
  for (const [name, value] of Object.entries(headers)) text(value, `headers.${name}`);
  const client = checkClient(options);
  return {
    target: toTarget(options),
    persistDirectory: persistDirectory === undefined ? undefined : text(persistDirectory, 'persistDirectory'),
    headers: { ...headers, ...(authToken !== undefined && { 'x-chroma-token': text(authToken, 'authToken') }) },
    tenant: text(options.tenant ?? 'default_tenant', 'tenant'),
    database: text(options.database ?? 'default_database', 'database'),
    hnsw: {
      efConstruction: wholeNumber(hnsw.efConstruction ?? 200, 1, 10_000, 'hnsw.efConstruction'),
      efSearch: wholeNumber(hnsw.efSearch ?? 300, 1, 10_000, 'hnsw.efSearch'),
      maxNeighbors: wholeNumber(hnsw.maxNeighbors ?? 32, 2, 1000, 'hnsw.maxNeighbors'),
    },
    client,
    clock,
    newId,
    defaultTimeoutMs,
  };
}
