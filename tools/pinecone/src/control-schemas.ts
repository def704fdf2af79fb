const text = { type: 'string' } as const;
const integer = { type: 'integer' } as const;

const tags = { type: 'object', additionalProperties: text } as const;

const readCapacity = { type: 'object', properties: { mode: text }, required: ['mode'] } as const;

const metadataSchema = {
  type: 'object',
  properties: {
    fields: {
      type: 'object',
      additionalProperties: { type: 'object', properties: { filterable: { type: 'boolean' } } },
    },
  },
  required: ['fields'],
  additionalProperties: false,
} as const;

const serverless = {
  type: 'object',
  properties: {
    cloud: text,
    region: text,
    read_capacity: readCapacity,
    source_collection: text,
    schema: metadataSchema,
  },
  required: ['cloud', 'region'],
  additionalProperties: false,
} as const;

const pod = {
  type: 'object',
  properties: {
    environment: text,
    replicas: integer,
    shards: integer,
    pod_type: text,
    pods: integer,
    metadata_config: {
      type: 'object',
      properties: { indexed: { type: 'array', items: text } },
      additionalProperties: false,
    },
    source_collection: text,
  },
  required: ['environment', 'pod_type'],
  additionalProperties: false,
} as const;

/** The shapes of the control plane's request bodies, closed: a field that the published API lacks is refused. */
export const controlSchemas: Readonly<Record<'create' | 'configure', object>> = {
  create: {
    type: 'object',
    properties: {
      name: text,
      dimension: integer,
      metric: text,
      deletion_protection: text,
      tags,
      spec: {
        type: 'object',
        properties: { serverless, pod, byoc: { type: 'object' } },
        minProperties: 1,
        maxProperties: 1,
        additionalProperties: false,
      },
      vector_type: text,
    },
    required: ['name', 'spec'],
    additionalProperties: false,
  },
  configure: {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          serverless: { type: 'object', properties: { read_capacity: readCapacity }, additionalProperties: false },
          pod: { type: 'object', properties: { replicas: integer, pod_type: text }, additionalProperties: false },
          byoc: { type: 'object' },
        },
        minProperties: 1,
        maxProperties: 1,
        additionalProperties: false,
      },
      deletion_protection: text,
      tags,
      embed: { type: 'object' },
    },
    additionalProperties: false,
  },
};
