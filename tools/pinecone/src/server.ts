import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { controlRoutes } from './control-routes.ts';
import { controlRefusal, Refusal, rpcRefusal } from './errors.ts';
import { Faults } from './faults.ts';
import { namespaceRoutes } from './namespace-routes.ts';
import { Project } from './project.ts';
import { readRoutes } from './read-routes.ts';
import type { DataOptions } from './vector-index.ts';
import { type FindIndex, writeRoutes } from './write-routes.ts';

/** The versions of the API that are answered, the oldest first: it is what a request without one is taken for. */
export const apiVersions: readonly [string, ...string[]] = ['2025-10', '2026-04'];

export interface StandInOptions {
  /** Missing or 0: a free one. */
  readonly port?: number;
  /** Missing: 127.0.0.1. */
  readonly host?: string;
  /** The one key that is accepted. Missing: any that isn't empty. */
  readonly apiKey?: string;
  /** Milliseconds from the acknowledgement of a write until reads see it. Missing: 100. */
  readonly consistencyDelayMs?: number;
  /** Milliseconds that an index is `Initializing` before it is `Ready`, and `Terminating` before it is gone. Missing: 100. */
  readonly readyDelayMs?: number;
  /** Whether `$ne` and `$nin` match records without the field: see `FilterRules`. Missing: they don't. */
  readonly negationMatchesMissing?: boolean;
}

export interface StandIn {
  /** Where it answers, without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

/** The JSON that carries a batch of 2 MB is several times larger: numbers are written out. */
const bodyLimit = 32 * 1024 * 1024;
/** What Envoy, which stands before the vendor's servers, takes by default: ids to fetch go into the request line. */
const maxHeaderSize = 60 * 1024;

const behaviourSchema = {
  type: 'object',
  properties: { consistencyDelayMs: { type: 'number', minimum: 0 }, negationMatchesMissing: { type: 'boolean' } },
  additionalProperties: false,
} as const;

function isOfData(request: FastifyRequest): boolean {
  return request.url.startsWith('/data/');
}

/** A request of a wrong shape: 400 from the data plane, 422 from the control plane. */
function misshapen(message: string, ofData: boolean): Refusal {
  if (ofData) return rpcRefusal(3, message);
  return controlRefusal(
    422,
    'UNPROCESSABLE_ENTITY',
    `Failed to deserialize the JSON body into the target type: ${message}`,
  );
}

function shapeMessage(error: FastifyError): string {
  const first = error.validation?.[0];
  if (first === undefined) return error.message;
  const { additionalProperty, missingProperty } = first.params;
  if (typeof additionalProperty === 'string')
    return `${first.instancePath} ${additionalProperty}: Cannot find field.`.trim();
  if (typeof missingProperty === 'string') return `missing field \`${missingProperty}\``;
  return `${first.instancePath}: ${first.message ?? 'invalid value'}`;
}

function refusalOf(error: FastifyError | Refusal, request: FastifyRequest): Refusal {
  if (error instanceof Refusal) return error;
  const ofData = isOfData(request);
  if (error.validation !== undefined || (error.statusCode !== undefined && error.statusCode < 500)) {
    return misshapen(shapeMessage(error), ofData);
  }
  return ofData ? rpcRefusal(13, error.message) : controlRefusal(500, 'UNKNOWN', error.message);
}

/** Refuses requests without the key, and those that ask for a version of the API that isn't answered. */
function gate(request: FastifyRequest, reply: FastifyReply, apiKey: string | undefined): void {
  const ofData = isOfData(request);
  const key = request.headers['api-key'];
  if (typeof key !== 'string' || key === '' || (apiKey !== undefined && key !== apiKey)) {
    const text = 'Invalid API key.';
    throw ofData ? rpcRefusal(16, text) : controlRefusal(401, 'UNAUTHENTICATED', text);
  }
  // https://docs.pinecone.io/reference/api/versioning: without a version, the oldest that is supported.
  const version = request.headers['x-pinecone-api-version'] ?? apiVersions[0];
  if (typeof version !== 'string' || !apiVersions.includes(version)) {
    const text = `Unsupported API version ${version}: this stand-in answers ${apiVersions.join(' and ')}`;
    throw ofData ? rpcRefusal(3, text) : controlRefusal(400, 'INVALID_ARGUMENT', text);
  }
  reply.header('x-pinecone-api-version', version);
}

function dataRoutes(server: FastifyInstance, project: Project): void {
  const findIndex: FindIndex = (request) => {
    const { host } = request.params as { readonly host: string };
    return project.data(host);
  };
  writeRoutes(server, findIndex);
  readRoutes(server, findIndex);
  namespaceRoutes(server, findIndex);
  const unimplemented = async (): Promise<never> => {
    throw rpcRefusal(12, 'This stand-in makes no imports and no embeddings');
  };
  for (const url of ['/bulk/imports', '/bulk/imports/*', '/records/*']) {
    server.all(url, { exposeHeadRoute: false }, unimplemented);
  }
}

function build(options: StandInOptions): { readonly server: FastifyInstance; readonly faults: Faults } {
  const server = Fastify({
    bodyLimit,
    forceCloseConnections: true,
    http: { maxHeaderSize },
    routerOptions: { maxParamLength: 4096 },
    // A field may have any name.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    // Refuse what doesn't fit, and never change it so that it does.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } },
  });
  const faults = new Faults();
  const project = new Project(options.readyDelayMs ?? 100, {
    consistencyDelayMs: options.consistencyDelayMs ?? 100,
    negationMatchesMissing: options.negationMatchesMissing ?? false,
  });

  server.setErrorHandler<FastifyError | Refusal>((error, request, reply) => {
    const refusal = refusalOf(error, request);
    return reply.status(refusal.status).send(refusal.body);
  });
  server.setNotFoundHandler((request) => {
    const text = `${request.method} ${request.url} is no path of the API`;
    throw isOfData(request) ? rpcRefusal(5, text) : controlRefusal(404, 'NOT_FOUND', text);
  });

  server.get('/health', async () => ({ standIn: 'Pinecone', apiVersions }));
  faults.routes(server);
  // How one index behaves from now on, so that tests that share this server needn't share that.
  server.patch<{ Params: { name: string }; Body: Partial<DataOptions> }>(
    '/_stand-in/indexes/:name',
    { schema: { body: behaviourSchema } },
    async (request, reply) => {
      project.set(request.params.name, request.body);
      return reply.status(204).send();
    },
  );
  server.register(async (api) => {
    api.addHook('onRequest', async (request, reply) => {
      gate(request, reply, options.apiKey);
      const refusal = await faults.befall('before', request, reply);
      if (refusal !== undefined) throw refusal;
    });
    api.addHook('onSend', async (request, reply, payload) => {
      if (reply.statusCode >= 400) return payload;
      const refusal = await faults.befall('after', request, reply);
      if (refusal === undefined) return payload;
      reply
        .status(refusal.status)
        .header('content-type', 'application/json; charset=utf-8')
        .removeHeader('content-length');
      return JSON.stringify(refusal.body);
    });
    controlRoutes(api, project);
    api.register(async (data) => dataRoutes(data, project), { prefix: '/data/:host' });
  });
  return { server, faults };
}

/** Starts a stand-in for Pinecone in this process. It keeps everything in memory and forgets it when it is closed. */
export async function startStandIn(options: StandInOptions = {}): Promise<StandIn> {
  const { server, faults } = build(options);
  const url = await server.listen({ port: options.port ?? 0, host: options.host ?? '127.0.0.1' });
  return {
    url,
    async close(): Promise<void> {
      faults.clear();
      await server.close();
    },
  };
}
