import { answers, sendText, type VaultServer, type VaultStores } from '../face.ts';
import { ServiceHealth, ServiceInfo } from '../schemas.ts';
import { version } from '../version.ts';

const tags = ['service'];

export function serviceRoutes(app: VaultServer, stores: Pick<VaultStores, 'healthCheck'>): void {
  app.get(
    '/',
    { schema: { tags, summary: 'What this is', response: answers(200, ServiceInfo) } },
    async (_request, reply) =>
      sendText(
        reply,
        200,
        JSON.stringify({ service: 'storage', name: 'The Vault', version, docs: '/docs', openapi: '/openapi.json' }),
      ),
  );

  app.get(
    '/health',
    { schema: { tags, summary: 'How it is; 503 when it cannot serve', response: answers(200, ServiceHealth) } },
    async (_request, reply) => {
      const { status, name, latencyMs, message, checkedAt } = await stores.healthCheck();
      const body = { status, backend: name, latency_ms: latencyMs, message, checked_at: checkedAt };
      return sendText(reply, status === 'healthy' || status === 'degraded' ? 200 : 503, JSON.stringify(body));
    },
  );
}
