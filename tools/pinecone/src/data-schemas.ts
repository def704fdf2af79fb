const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const object = { type: 'object' } as const;
const numbers = { type: 'array', items: { type: 'number' } } as const;
const texts = { type: 'array', items: text } as const;
const integer = { type: 'integer' } as const;

const sparse = {
  type: 'object',
  properties: { indices: numbers, values: numbers },
  required: ['indices', 'values'],
  additionalProperties: false,
} as const;

const vector = {
  type: 'object',
  properties: { id: text, values: numbers, sparseValues: sparse, metadata: object },
  required: ['id'],
  additionalProperties: false,
} as const;

type DataShape =
  | 'upsert'
  | 'update'
  | 'delete'
  | 'query'
  | 'fetchByMetadata'
  | 'stats'
  | 'createNamespace'
  | 'fetchQuery'
  | 'listQuery'
  | 'listNamespacesQuery';

/** The shapes of the data plane's request bodies, closed: a field that the published API lacks is refused. */
export const dataSchemas: Readonly<Record<DataShape, object>> = {
  upsert: {
    type: 'object',
    properties: { vectors: { type: 'array', items: vector }, namespace: text },
    required: ['vectors'],
    additionalProperties: false,
  },
  update: {
    type: 'object',
    properties: {
      id: text,
      values: numbers,
      sparseValues: sparse,
      setMetadata: object,
      namespace: text,
      filter: object,
      dryRun: flag,
    },
    additionalProperties: false,
  },
  delete: {
    type: 'object',
    properties: { ids: texts, deleteAll: flag, namespace: text, filter: object },
    additionalProperties: false,
  },
  query: {
    type: 'object',
    properties: {
      namespace: text,
      topK: integer,
      filter: object,
      includeValues: flag,
      includeMetadata: flag,
      queries: { type: 'array' },
      vector: numbers,
      sparseVector: sparse,
      id: text,
      scanFactor: { type: 'number' },
      maxCandidates: integer,
    },
    required: ['topK'],
    additionalProperties: false,
  },
  fetchByMetadata: {
    type: 'object',
    properties: { namespace: text, filter: object, limit: integer, paginationToken: text },
    additionalProperties: false,
  },
  stats: { type: 'object', properties: { filter: object }, additionalProperties: false },
  createNamespace: {
    type: 'object',
    properties: {
      name: text,
      schema: {
        type: 'object',
        properties: {
          fields: {
            type: 'object',
            additionalProperties: { type: 'object', properties: { filterable: flag }, additionalProperties: false },
          },
        },
        required: ['fields'],
        additionalProperties: false,
      },
    },
    required: ['name'],
    additionalProperties: false,
  },
  fetchQuery: {
    type: 'object',
    properties: { ids: { anyOf: [text, texts] }, namespace: text },
    required: ['ids'],
    additionalProperties: false,
  },
  listQuery: {
    type: 'object',
    properties: { prefix: text, limit: text, paginationToken: text, namespace: text },
    additionalProperties: false,
  },
  listNamespacesQuery: {
    type: 'object',
    properties: { prefix: text, limit: text, paginationToken: text },
    additionalProperties: false,
  },
};
