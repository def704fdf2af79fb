import {
  type CallOptions,
  type FacetToken,
  facetToken,
  invalidArgument,
  type JsonObject,
  type MetadataInput,
  type Page,
  type PageOptions,
} from '@storage/core';
import { checkName, checkObject, checkOptionalName, checkTime } from './checks.ts';
import type { DomainContext } from './context.ts';
import type { JsonDocument } from './json-document.ts';

/** One measurement. */
export interface MetricPoint {
  /** `metric_…` */
  readonly id: string;
  /** The kind of what was measured: `agent`, `tool`. */
  readonly entityType: string;
  /** Which of them. */
  readonly entityName: string;
  readonly conversationId: string | undefined;
  readonly metricName: string;
  readonly value: number;
  readonly timestamp: Date;
  readonly labels: JsonDocument<JsonObject>;
}

export interface NewMetricPoint {
  readonly entityType: string;
  readonly entityName: string;
  /** The point goes when the conversation goes. */
  readonly conversationId?: string | undefined;
  readonly metricName: string;
  /** A finite number. */
  readonly value: number;
  /** Missing: now. */
  readonly timestamp?: Date | undefined;
  /** Missing: `{}`. */
  readonly labels?: MetadataInput | undefined;
}

/** Which points to list: those that have every value given. */
export interface MetricQuery extends PageOptions {
  readonly entityType?: string | undefined;
  readonly entityName?: string | undefined;
  readonly metricName?: string | undefined;
  readonly conversationId?: string | undefined;
  /** From this moment on, itself included. */
  readonly start?: Date | undefined;
  /** Up to this moment, itself included. */
  readonly end?: Date | undefined;
}

export interface MetricStore {
  /** `not_found` when it names a conversation that is not there. */
  record(point: NewMetricPoint, options?: CallOptions): Promise<MetricPoint>;
  /** Newest first. */
  query(query?: MetricQuery): Promise<Page<MetricPoint>>;
}

/** Asks a backend for metrics. */
export const metricsFacet: FacetToken<MetricStore> = facetToken('metrics/1');

/** The point that a caller asks for, checked and complete. */
export function newMetricPoint(input: NewMetricPoint, context: DomainContext): MetricPoint {
  if (typeof input.value !== 'number' || !Number.isFinite(input.value)) {
    throw invalidArgument('value must be a finite number.', { path: 'value' });
  }
  return {
    id: context.newId('metric'),
    entityType: checkName(input.entityType, 'entityType'),
    entityName: checkName(input.entityName, 'entityName'),
    conversationId: checkOptionalName(input.conversationId, 'conversationId'),
    metricName: checkName(input.metricName, 'metricName'),
    value: input.value,
    timestamp: new Date(input.timestamp === undefined ? context.now() : checkTime(input.timestamp, 'timestamp')),
    labels: checkObject(input.labels, 'labels'),
  };
}

/** The filter of a query, checked; times in milliseconds since 1970. */
export interface CheckedMetricQuery {
  readonly entityType: string | undefined;
  readonly entityName: string | undefined;
  readonly metricName: string | undefined;
  readonly conversationId: string | undefined;
  readonly start: number | undefined;
  readonly end: number | undefined;
}

export function checkMetricQuery(query: MetricQuery): CheckedMetricQuery {
  return {
    entityType: checkOptionalName(query.entityType, 'entityType'),
    entityName: checkOptionalName(query.entityName, 'entityName'),
    metricName: checkOptionalName(query.metricName, 'metricName'),
    conversationId: checkOptionalName(query.conversationId, 'conversationId'),
    start: query.start === undefined ? undefined : checkTime(query.start, 'start'),
    end: query.end === undefined ? undefined : checkTime(query.end, 'end'),
  };
}
