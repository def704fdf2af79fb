import type { AgentState, Artifact, Conversation, KeyValueEntry, Message, MetricPoint } from '@storage/domain';

// Answers are put together from stored JSON text, which is never parsed on its way out.

const quote = JSON.stringify as (text: string) => string;

/** A member that is left out when it has no value. */
function optional(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${quote(value)}`;
}

export function sessionText(session: Conversation): string {
  return (
    `{"id":${quote(session.id)}${optional('agent_name', session.agentName)}${optional('user_id', session.userId)}` +
    `,"status":"${session.status}","created_at":"${session.createdAt.toISOString()}","updated_at":"${session.updatedAt.toISOString()}"` +
    `,"metadata":${session.metadata.text}}`
  );
}

export function messageText(message: Message): string {
  return (
    `{"id":${quote(message.id)},"session_id":${quote(message.conversationId)},"role":"${message.role}"` +
    `,"content":${message.content.text},"timestamp":"${message.createdAt.toISOString()}","metadata":${message.metadata.text}}`
  );
}

export function stateText(state: AgentState): string {
  return `{"session_id":${quote(state.conversationId)},"data":${state.data.text},"updated_at":"${state.updatedAt.toISOString()}"}`;
}

export function artifactText(artifact: Artifact): string {
  return (
    `{"id":${quote(artifact.id)},"session_id":${quote(artifact.conversationId)},"name":${quote(artifact.name)}` +
    `,"type":${quote(artifact.type)},"path":${quote(artifact.path)},"size":${artifact.size}` +
    `,"created_at":"${artifact.createdAt.toISOString()}","metadata":${artifact.metadata.text}}`
  );
}

export function metricText(point: MetricPoint): string {
  return (
    `{"id":${quote(point.id)},"entity_type":${quote(point.entityType)},"entity_name":${quote(point.entityName)}` +
    `${optional('session_id', point.conversationId)},"metric_name":${quote(point.metricName)},"value":${JSON.stringify(point.value)}` +
    `,"timestamp":"${point.timestamp.toISOString()}","labels":${point.labels.text}}`
  );
}

export function cacheText(entry: KeyValueEntry): string {
  const ttl = entry.ttlMs === undefined ? '' : `,"ttl":${entry.ttlMs / 1000}`;
  return (
    `{"key":${quote(entry.key)},"value":${entry.value.text}${ttl}` +
    `,"created_at":"${entry.createdAt.toISOString()}","accessed_at":"${entry.accessedAt.toISOString()}"}`
  );
}

export function listText<T>(items: readonly T[], text: (item: T) => string): string {
  return `[${items.map(text).join(',')}]`;
}
