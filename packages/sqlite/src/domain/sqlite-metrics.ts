import type { CallOptions, Page } from '@storage/core';
import {
  checkLimit,
  checkMetricQuery,
  type MetricPoint,
  type MetricQuery,
  type MetricStore,
  type NewMetricPoint,
  newMetricPoint,
  storedDocument,
  unknownConversation,
} from '@storage/domain';
import { conversationTexts, type MetricTexts, metricTexts, type SqlValue, sqliteDialect } from '@storage/sql';
import type { DomainHost } from './domain-host.ts';
import { cursorParams, givenFilters, pageOf } from './pages.ts';

interface MetricRow {
  readonly id: string;
  readonly entity_type: string;
  readonly entity_name: string;
  readonly conversation_id: string | null;
  readonly metric_name: string;
  readonly value: number;
  readonly recorded_at: number;
  readonly labels: string;
}

function toPoint(row: MetricRow): MetricPoint {
  return {
    id: row.id,
    entityType: row.entity_type,
    entityName: row.entity_name,
    conversationId: row.conversation_id ?? undefined,
    metricName: row.metric_name,
    value: row.value,
    timestamp: new Date(row.recorded_at),
    labels: storedDocument(row.labels),
  };
}

/** Metrics in SQLite. */
export class SqliteMetrics implements MetricStore {
  readonly #host: DomainHost;
  readonly #texts: MetricTexts = metricTexts(sqliteDialect);
  readonly #conversationExists: string = conversationTexts(sqliteDialect).exists;

  constructor(host: DomainHost) {
    this.#host = host;
  }

  record(point: NewMetricPoint, options?: CallOptions): Promise<MetricPoint> {
    const { guard, connection, writes, context, tenantId } = this.#host;
    return guard.run('metrics.record', undefined, true, options, () => {
      const made = newMetricPoint(point, context);
      const { conversationId } = made;
      const work = (): MetricPoint => {
        if (
          conversationId !== undefined &&
          connection.prepare(this.#conversationExists).get(tenantId, conversationId) === undefined
        ) {
          throw unknownConversation(conversationId);
        }
        connection
          .prepare(this.#texts.record)
          .run(
            tenantId,
            made.timestamp.getTime(),
            made.id,
            made.entityType,
            made.entityName,
            conversationId ?? null,
            made.metricName,
            made.value,
            made.labels.text,
          );
        return made;
      };
      return (call) => writes.write('metrics', work, call);
    });
  }

  query(query: MetricQuery = {}): Promise<Page<MetricPoint>> {
    const { guard, connection, writes, tenantId } = this.#host;
    return guard.run('metrics.query', undefined, false, query, () => {
      const { start, end, ...filters } = checkMetricQuery(query);
      const limit = checkLimit(query.limit);
      const { columns, values } = givenFilters({
        entity_type: filters.entityType,
        entity_name: filters.entityName,
        metric_name: filters.metricName,
        conversation_id: filters.conversationId,
      });
      const name = JSON.stringify(['metrics', tenantId, columns, values, start, end]);
      const after = cursorParams(name, query.cursor);
      const text = this.#texts.page({
        equal: columns,
        from: start !== undefined,
        to: end !== undefined,
        after: after.length > 0,
      });
      const bounds: SqlValue[] = [start, end].filter((time) => time !== undefined);
      const work = (): Page<MetricPoint> => {
        const rows = connection.prepare(text).all(tenantId, ...values, ...bounds, ...after, limit + 1) as MetricRow[];
        return pageOf(rows, limit, name, toPoint, (row) => ({ rank: row.recorded_at, id: row.id }));
      };
      return (call) => writes.read(undefined, work, call);
    });
  }
}
