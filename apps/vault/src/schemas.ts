import type { JsonObject, JsonValue } from '@storage/core';
import { conversationStatuses, defaultPageSize, maxPageSize, messageRoles } from '@storage/domain';
import { type TSchema, Type } from 'typebox';

// The one source of what requests and answers look like: it validates the first, and documents both.

const name = (description: string) => Type.String({ minLength: 1, maxLength: 512, description });
const time = (description: string) => Type.String({ format: 'date-time', description });
const anyJson = (description: string) => Type.Unsafe<JsonValue>({ description });
const metadata = (description: string) =>
  Type.Unsafe<JsonObject>({ type: 'object', additionalProperties: true, description });
const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
/** ISO 8601: a day, or a day and a time, in UTC unless it says otherwise. */
const moment = (description: string) =>
  Type.String({
    pattern: '^\\d{4}-\\d\\d-\\d\\d(?:[T ]\\d\\d:\\d\\d(?::\\d\\d(?:\\.\\d{1,9})?)?(?:Z|[+-]\\d\\d:?\\d\\d)?)?$',
    description,
  });

const status = Type.Enum([...conversationStatuses], { description: 'Where the session stands.' });
const role = Type.Enum([...messageRoles], { description: 'Who speaks.' });
const sessionId = name('The session that it belongs to.');

export const Session = Type.Object(
  {
    id: name('Begins with session_, unless it was chosen.'),
    agent_name: Type.Optional(name('The agent.')),
    user_id: Type.Optional(name('The user.')),
    status,
    created_at: time('When it was created.'),
    updated_at: time('When it was created or last changed.'),
    metadata: metadata('Whatever its maker keeps with it.'),
  },
  { title: 'Session' },
);

export const NewSession = Type.Object(
  {
    id: Type.Optional(name('Chosen by the client. Left out: one is made.')),
    agent_name: name('The agent.'),
    user_id: Type.Optional(orNull(name('The user.'))),
    status: Type.Optional(status),
    metadata: Type.Optional(metadata('Left out: {}.')),
  },
  { title: 'NewSession' },
);

export const SessionChange = Type.Object(
  {
    id: Type.Optional(Type.String({ description: 'When given, the id in the path.' })),
    agent_name: Type.Optional(name('The agent.')),
    user_id: Type.Optional(orNull(name('The user; null takes it away.'))),
    status: Type.Optional(status),
    metadata: Type.Optional(metadata('Replaces the metadata as a whole.')),
  },
  { title: 'SessionChange', description: 'What is left out stays as it is.' },
);

export const Message = Type.Object(
  {
    id: name('Begins with msg_.'),
    session_id: sessionId,
    role,
    content: Type.String(),
    timestamp: time('When it was added.'),
    metadata: metadata('Whatever its maker keeps with it.'),
  },
  { title: 'Message' },
);

export const NewMessage = Type.Object(
  { session_id: sessionId, role, content: Type.String(), metadata: Type.Optional(metadata('Left out: {}.')) },
  { title: 'NewMessage' },
);

export const State = Type.Object(
  { session_id: sessionId, data: anyJson('Any JSON.'), updated_at: time('When it was last put.') },
  { title: 'State' },
);

export const NewState = Type.Object(
  {
    session_id: Type.Optional(Type.String({ description: 'When given, the one in the path.' })),
    data: anyJson('Any JSON. Replaces the state as a whole.'),
  },
  { title: 'NewState' },
);

const artifactParts = {
  session_id: sessionId,
  name: name('What it is called.'),
  type: name('What it is.'),
  path: Type.String({ minLength: 1, maxLength: 4096, description: 'A file or object key. Kept, never opened.' }),
};
const size = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Bytes.' });

export const Artifact = Type.Object(
  {
    id: name('Begins with artifact_.'),
    ...artifactParts,
    size,
    created_at: time('When it was created.'),
    metadata: metadata('Whatever its maker keeps with it.'),
  },
  { title: 'Artifact' },
);

export const NewArtifact = Type.Object(
  { ...artifactParts, size: Type.Optional(size), metadata: Type.Optional(metadata('Left out: {}.')) },
  { title: 'NewArtifact' },
);

const metricParts = {
  entity_type: name('The kind of what was measured.'),
  entity_name: name('Which of them.'),
  metric_name: name('What was measured.'),
  value: Type.Number(),
};

export const Metric = Type.Object(
  {
    id: name('Begins with metric_.'),
    ...metricParts,
    session_id: Type.Optional(sessionId),
    timestamp: time('When it was measured.'),
    labels: metadata('What tells it from others.'),
  },
  { title: 'Metric' },
);

export const NewMetric = Type.Object(
  {
    ...metricParts,
    session_id: Type.Optional(orNull(sessionId)),
    timestamp: Type.Optional(moment('When it was measured. Left out: now.')),
    labels: Type.Optional(metadata('Left out: {}.')),
  },
  { title: 'NewMetric' },
);

export const CacheEntry = Type.Object(
  {
    key: name('Its key.'),
    value: anyJson('Any JSON.'),
    ttl: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, description: 'Seconds from created_at on. Missing: for ever.' }),
    ),
    created_at: time('When this value was put.'),
    accessed_at: time('When it was last read.'),
  },
  { title: 'CacheEntry' },
);

export const NewCacheEntry = Type.Object(
  {
    key: Type.Optional(Type.String({ description: 'When given, the one in the path.' })),
    value: anyJson('Any JSON.'),
    ttl: Type.Optional(
      orNull(
        Type.Number({ minimum: 0.001, maximum: 3_153_600_000, description: 'Seconds. Left out: it never expires.' }),
      ),
    ),
  },
  { title: 'NewCacheEntry' },
);

export const Deleted = Type.Object({ deleted: Type.Integer({ minimum: 0 }) }, { title: 'Deleted' });

export const ServiceHealth = Type.Object(
  {
    status: Type.Enum(['healthy', 'degraded', 'unhealthy', 'unknown']),
    backend: Type.String(),
    latency_ms: Type.Number(),
    message: Type.Optional(Type.String()),
    checked_at: time('When it was looked at.'),
  },
  { title: 'Health' },
);

export const ServiceInfo = Type.Object(
  { service: Type.String(), name: Type.String(), version: Type.String(), docs: Type.String(), openapi: Type.String() },
  { title: 'ServiceInfo' },
);

export const ProblemDetails = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'What was wrong, and how to mend it.' }),
    code: Type.String({ description: 'What a program branches on.' }),
  },
  { title: 'Problem' },
);

const paging = {
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: maxPageSize,
      description: `The most items of a page. Left out: ${defaultPageSize}.`,
    }),
  ),
  cursor: Type.Optional(Type.String({ maxLength: 4096, description: 'From the Link header of the page before.' })),
};

export const SessionQuery = Type.Object({
  agent_name: Type.Optional(name('Only those of this agent.')),
  user_id: Type.Optional(name('Only those of this user.')),
  status: Type.Optional(status),
  ...paging,
});
export const BySession = Type.Object({ session_id: name('The session.') });
export const PageBySession = Type.Object({ session_id: name('The session.'), ...paging });
export const MetricQuery = Type.Object({
  entity_type: Type.Optional(name('Only those of this kind of entity.')),
  entity_name: Type.Optional(name('Only those of this entity.')),
  metric_name: Type.Optional(name('Only this measurement.')),
  session_id: Type.Optional(name('Only those of this session.')),
  start: Type.Optional(moment('From this moment on, itself included.')),
  end: Type.Optional(moment('Up to this moment, itself included.')),
  ...paging,
});

export const IdPath = Type.Object({ id: name('Its id.') });
export const SessionPath = Type.Object({ session_id: name('The session.') });
export const KeyPath = Type.Object({ key: name('Its key.') });

/** Headers that make a read or write depend on what is there. */
export const Conditions = Type.Object({
  'if-match': Type.Optional(Type.String({ description: 'Only if the ETag is one of these.' })),
  'if-none-match': Type.Optional(
    Type.String({ description: 'Only if the ETag is none of these; * only if there is nothing.' }),
  ),
});
