import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { VaultServer } from './face.ts';
import { version } from './version.ts';

/** Makes the OpenAPI document of the routes that follow, and a page that shows it. */
export async function documentRoutes(app: VaultServer): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'The Vault',
        version,
        description: 'Sessions, history, state, artifacts, metrics and cache of agents, over HTTP.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags: ['sessions', 'history', 'state', 'artifacts', 'metrics', 'cache', 'service'].map((name) => ({ name })),
    },
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });
  let text: string | undefined;
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    text ??= JSON.stringify(app.swagger());
    return reply.header('content-type', 'application/json; charset=utf-8').send(text);
  });
}
