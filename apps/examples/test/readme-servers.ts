import { afterAll, beforeAll } from '@jest/globals';
import { type OwnService, type ServiceName, startOwn } from '@storage/services';
import { chromaPythonPath } from '@storage/services/testing';

/** Where Python finds Chroma's server, for the example that starts one on a folder; `undefined`: it is not to be had here. */
const pythonPath = await chromaPythonPath();

type Variables = { readonly [name: string]: string };

/** The server that the examples of a page need. */
export interface PageServer {
  readonly name: ServiceName;
  /** What a user of the page would have in the environment. */
  readonly variables: (url: string) => Variables;
}

/** The pages whose examples need a server. */
export const servers: { readonly [page: string]: PageServer } = {
  'packages/postgres/README.md': { name: 'postgres', variables: (url) => ({ POSTGRES_URL: url }) },
  'packages/redis/README.md': { name: 'redis', variables: (url) => ({ REDIS_URL: url }) },
  'packages/mongo/README.md': { name: 'mongo', variables: (url) => ({ MONGO_URL: url }) },
  'packages/pgvector/README.md': { name: 'postgres', variables: (url) => ({ POSTGRES_URL: url }) },
  'packages/qdrant/README.md': { name: 'qdrant', variables: (url) => ({ QDRANT_URL: url }) },
  'packages/chroma/README.md': {
    name: 'chroma',
    variables: (url) => ({ CHROMA_URL: url, ...(pythonPath !== undefined && { PYTHONPATH: pythonPath }) }),
  },
  'packages/pinecone/README.md': {
    name: 'pinecone',
    variables: (url) => ({ PINECONE_API_KEY: 'any', PINECONE_CONTROLLER_URL: url }),
  },
  'packages/s3/README.md': {
    name: 'minio',
    variables: (url) => {
      const { origin, username, password } = new URL(url);
      return {
        AWS_ACCESS_KEY_ID: decodeURIComponent(username),
        AWS_SECRET_ACCESS_KEY: decodeURIComponent(password),
        AWS_REGION: 'us-east-1',
        AWS_S3_BUCKET: 'agents',
        AWS_ENDPOINT_URL_S3: origin,
      };
    },
  },
};

/** Starts the server before the tests of a block and ends it after them. */
export function startServer({ name, variables }: PageServer, use: (variables: Variables) => void): void {
  let server: OwnService | undefined;
  beforeAll(async () => {
    server = await startOwn(name);
    use(variables(server.url));
  }, 60_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
}
