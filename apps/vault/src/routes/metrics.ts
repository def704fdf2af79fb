import { Type } from 'typebox';
import { answers, readMoment, sendPage, sendText, type VaultServer, type VaultStores } from '../face.ts';
import { Metric, MetricQuery, NewMetric } from '../schemas.ts';
import { metricText } from '../wire.ts';

const tags = ['metrics'];

export function metricRoutes(app: VaultServer, { metrics }: Pick<VaultStores, 'metrics'>): void {
  app.post(
    '/storage/metrics',
    { schema: { tags, summary: 'Record a metric', body: NewMetric, response: answers(201, Metric) } },
    async (request, reply) => {
      const { entity_type, entity_name, session_id, metric_name, value, timestamp, labels } = request.body;
      const point = await metrics.record({
        entityType: entity_type,
        entityName: entity_name,
        conversationId: session_id ?? undefined,
        metricName: metric_name,
        value,
        timestamp: readMoment(timestamp, 'timestamp'),
        labels,
      });
      return sendText(reply, 201, metricText(point));
    },
  );

  app.get(
    '/storage/metrics',
    {
      schema: {
        tags,
        summary: 'Query metrics, newest first',
        querystring: MetricQuery,
        response: answers(200, Type.Array(Metric)),
      },
    },
    async (request, reply) => {
      const { entity_type, entity_name, metric_name, session_id, start, end, limit, cursor } = request.query;
      const page = await metrics.query({
        entityType: entity_type,
        entityName: entity_name,
        metricName: metric_name,
        conversationId: session_id,
        start: readMoment(start, 'start'),
        end: readMoment(end, 'end'),
        limit,
        cursor,
      });
      return sendPage(request, reply, page, metricText);
    },
  );
}
