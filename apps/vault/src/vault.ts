import fastify, { type FastifyBaseLogger, type HTTPMethods, LogController, type RouteOptions } from 'fastify';
import type { VaultServer, VaultStores } from './face.ts';
import { documentRoutes } from './openapi.ts';
import { handleError, Problem, refuseConnection, sendProblem } from './problems.ts';
import { artifactRoutes } from './routes/artifacts.ts';
import { cacheRoutes } from './routes/cache.ts';
import { historyRoutes } from './routes/history.ts';
import { metricRoutes } from './routes/metrics.ts';
import { serviceRoutes } from './routes/service.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { stateRoutes } from './routes/state.ts';
import { compileValidator } from './validation.ts';

export interface VaultOptions {
  /** The largest request body, in bytes. Missing: 16 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Missing: silent. */
  readonly log?: FastifyBaseLogger | undefined;
}

const methods: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
/** A key of 512 bytes, each written as three characters. */
const maxParameterLength = 1536;
/** How long a client may take to send a request, in milliseconds. */
const requestTimeout = 120_000;

/** The Vault's HTTP API over open stores, not yet listening. It does not close the stores. */
export async function createVault(stores: VaultStores, options: VaultOptions = {}): Promise<VaultServer> {
  const app: VaultServer = fastify({
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.maxBodyBytes ?? 16 * 1024 * 1024,
    requestTimeout,
    routerOptions: { maxParamLength: maxParameterLength, ignoreTrailingSlash: true },
    frameworkErrors: (error, request, reply) => void handleError(error, request, reply),
    clientErrorHandler: refuseConnection,
    return503OnClosing: false,
  });
  // Texts are sent as they are.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setValidatorCompiler(compileValidator);
  app.setErrorHandler(handleError);
  app.setNotFoundHandler((_request, reply) =>
    sendProblem(reply, new Problem(404, 'not_found', 'There is no such route; GET /openapi.json lists what there is.')),
  );
  // Fastify with a logger makes one for each request and listens for its end, which costs more than it tells: what is logged says which request it was.
  const { log } = options;
  if (log !== undefined) app.setChildLoggerFactory(() => log);
  takeEmptyBodies(app);
  refuseWhileClosing(app);
  if (log?.level === 'debug' || log?.level === 'trace') logRequests(app);

  const routes = collectRoutes(app);
  await documentRoutes(app);
  serviceRoutes(app, stores);
  sessionRoutes(app, stores);
  historyRoutes(app, stores);
  stateRoutes(app, stores);
  artifactRoutes(app, stores);
  metricRoutes(app, stores);
  cacheRoutes(app, stores);
  refuseOtherMethods(app, routes);
  return app;
}

/** Many clients announce JSON and send nothing, with DELETE and POST alike. */
function takeEmptyBodies(app: VaultServer): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void parse(request, body as string, done);
  });
}

/** Connections that are still open may bring requests until they are closed. */
function refuseWhileClosing(app: VaultServer): void {
  let closing = false;
  app.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  app.addHook('onRequest', (_request, _reply, done) => {
    if (closing) done(new Problem(503, 'unavailable', 'The Vault is being closed; try again in a while.'));
    else done();
  });
}

function logRequests(app: VaultServer): void {
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions } = request;
    request.log.debug(
      { request: request.id, method, path: routeOptions.url, status: reply.statusCode, ms: reply.elapsedTime },
      'request',
    );
  });
}

/** The methods of each path, filled as routes are added. */
function collectRoutes(app: VaultServer): ReadonlyMap<string, ReadonlySet<string>> {
  const routes = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }: RouteOptions) => {
    const known = routes.get(url) ?? new Set();
    for (const one of [method].flat()) known.add(one);
    routes.set(url, known);
  });
  return routes;
}

/** A path that is there with another method is 405, and says with which. */
function refuseOtherMethods(app: VaultServer, routes: ReadonlyMap<string, ReadonlySet<string>>): void {
  for (const [url, known] of [...routes]) {
    if (url.includes('*') || url.startsWith('/docs')) continue;
    const allowed = [...known].sort().join(', ');
    app.route({
      url,
      method: methods.filter((method) => !known.has(method)),
      schema: { hide: true },
      onRequest: async (request, reply) => {
        reply.header('allow', allowed);
        throw new Problem(405, 'method_not_allowed', `${request.method} is not for this path; it takes ${allowed}.`);
      },
      handler: async () => undefined,
    });
  }
}
