import type { FastifyInstance } from 'fastify';
import { controlSchemas } from './control-schemas.ts';
import { controlRefusal } from './errors.ts';
import { type ConfigureInput, type CreateInput, type IndexSettings, indexSettings } from './index-settings.ts';
import type { Project } from './project.ts';

type ByName = { Params: { name: string } };

/** Schema `IndexModel`. `base` is where the client reached this server, so that the host leads the same way. */
function model(project: Project, settings: IndexSettings, base: string): object {
  const { name, vectorType, dimension, metric, tags, spec } = settings;
  const state = project.state(name);
  const readCapacity = { mode: 'OnDemand', status: { state: 'Ready' } };
  return {
    name,
    vector_type: vectorType,
    metric,
    ...(dimension === undefined ? {} : { dimension }),
    status: { ready: state === 'Ready', state },
    host: `${base}/data/${project.host(name)}`,
    spec: 'serverless' in spec ? { serverless: { ...spec.serverless, read_capacity: readCapacity } } : spec,
    deletion_protection: settings.protected ? 'enabled' : 'disabled',
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
  };
}

/** The requests about indexes. */
export function controlRoutes(server: FastifyInstance, project: Project): void {
  server.get('/indexes', async (request) => {
    const base = `http://${request.host}`;
    return { indexes: project.list().map((settings) => model(project, settings, base)) };
  });

  server.post<{ Body: CreateInput }>(
    '/indexes',
    { schema: { body: controlSchemas.create } },
    async (request, reply) => {
      const settings = project.create(indexSettings(request.body));
      reply.status(201);
      return model(project, settings, `http://${request.host}`);
    },
  );

  server.get<ByName>('/indexes/:name', async (request) =>
    model(project, project.describe(request.params.name), `http://${request.host}`),
  );

  server.patch<ByName & { Body: ConfigureInput }>(
    '/indexes/:name',
    { schema: { body: controlSchemas.configure } },
    async (request, reply) => {
      const settings = project.configure(request.params.name, request.body);
      reply.status(202);
      return model(project, settings, `http://${request.host}`);
    },
  );

  server.delete<ByName>('/indexes/:name', async (request, reply) => {
    project.delete(request.params.name);
    return reply.status(202).send();
  });

  // Published, and not made: say so instead of answering that there is no such path.
  for (const url of ['/indexes/create-for-model', '/indexes/:name/backups', '/collections', '/collections/*']) {
    server.all(url, { exposeHeadRoute: false }, unimplemented);
  }
  for (const url of ['/backups', '/backups/*', '/restore-jobs', '/restore-jobs/*']) {
    server.all(url, { exposeHeadRoute: false }, unimplemented);
  }
}

async function unimplemented(): Promise<never> {
  throw controlRefusal(501, 'UNIMPLEMENTED', 'This stand-in makes no collections, backups and embedding models');
}
