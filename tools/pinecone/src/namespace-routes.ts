import type { FastifyInstance, FastifyRequest } from 'fastify';
import { dataSchemas } from './data-schemas.ts';
import { invalid, rpcRefusal } from './errors.ts';
import type { MetadataSchema, Namespace } from './namespace.ts';
import { page, pageLimit } from './pages.ts';
import type { VectorIndex } from './vector-index.ts';
import type { FindIndex } from './write-routes.ts';

const maxListLimit = 100;

function description(index: VectorIndex, namespace: Namespace): object {
  const fields = index.indexedFields(namespace);
  return {
    name: namespace.name,
    record_count: namespace.read()?.table.size ?? 0,
    ...(namespace.schema === undefined ? {} : { schema: namespace.schema }),
    ...(fields === undefined ? {} : { indexed_fields: { fields: [...fields] } }),
  };
}

/** The requests about namespaces, of serverless indexes only. */
export function namespaceRoutes(server: FastifyInstance, findIndex: FindIndex): void {
  const serverless = (request: FastifyRequest): VectorIndex => {
    const index = findIndex(request);
    if (index.shape.kind === 'pod') throw rpcRefusal(12, 'This operation is not supported for pod-based indexes');
    return index;
  };

  server.get<{ Querystring: { prefix?: string; limit?: string; paginationToken?: string } }>(
    '/namespaces',
    { schema: { querystring: dataSchemas.listNamespacesQuery } },
    async (request) => {
      const index = serverless(request);
      const { prefix = '', limit, paginationToken } = request.query;
      const all = new Map(index.visible().map((namespace) => [namespace.name, namespace] as const));
      const wanted = [...all.keys()].filter((name) => name.startsWith(prefix));
      const { names, pagination } = page(wanted, pageLimit(limit, maxListLimit), paginationToken);
      const namespaces = names.map((name) => description(index, index.namespace(name)));
      return { namespaces, total_count: wanted.length, ...(pagination === undefined ? {} : { pagination }) };
    },
  );

  server.post<{ Body: { name: string; schema?: MetadataSchema } }>(
    '/namespaces',
    { schema: { body: dataSchemas.createNamespace } },
    async (request) => {
      const index = serverless(request);
      const { name, schema } = request.body;
      if (name === '') throw invalid('Namespace must not be empty');
      const namespace = index.namespace(name);
      if (namespace.accepted) throw rpcRefusal(6, 'Namespace already exists');
      for (const [field, { filterable }] of Object.entries(schema?.fields ?? {})) {
        if (filterable !== true) throw invalid(`Only filterable: true is supported, got another for field '${field}'`);
      }
      namespace.create(schema);
      return { ...description(index, namespace), record_count: 0 };
    },
  );

  server.get<{ Params: { namespace: string } }>('/namespaces/:namespace', async (request) => {
    const index = serverless(request);
    const namespace = index.namespace(request.params.namespace);
    if (namespace.read() === undefined) throw rpcRefusal(5, 'Namespace not found');
    return description(index, namespace);
  });

  server.delete<{ Params: { namespace: string } }>('/namespaces/:namespace', async (request, reply) => {
    const lsn = serverless(request).existing(request.params.namespace).drop();
    reply.header('x-pinecone-request-lsn', String(lsn));
    return {};
  });
}
