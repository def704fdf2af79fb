import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { parse } from 'yaml';
import { type Answer, type Caller, serverless, startCaller } from './client.ts';

/** Answers held against the vendor's own documents: each by the schema of its operation and its status. */

interface Operation {
  readonly responses: Readonly<Record<string, { content?: { 'application/json': { schema: AnySchemaObject } } }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: object;
}

const plane = (name: string) => new URL(`../../openapi/specs/pinecone-db-${name}-2026-04.oas.yaml`, import.meta.url);

async function validators(name: string): Promise<(method: string, path: string, answer: Answer) => void> {
  const document = parse(await readFile(plane(name), 'utf8')) as Document;
  const ajv = new Ajv2020({ strict: false, allErrors: true, discriminator: false });
  formats.default(ajv);
  ajv.addSchema({ $id: 'document', components: closed(document.components) });
  return (method, path, answer) => {
    const responses = document.paths[path]?.[method]?.responses ?? {};
    const response = responses[`${answer.status}`] ?? responses[`${Math.floor(answer.status / 100)}XX`];
    if (response === undefined) throw new Error(`${method} ${path} may not answer ${answer.status}`);
    const schema = response.content?.['application/json'].schema;
    if (schema === undefined) {
      expect(answer.body).toEqual({});
      return;
    }
    const pointer = JSON.stringify(schema).replaceAll('"#/', '"document#/');
    const validate = ajv.compile(JSON.parse(pointer) as AnySchemaObject);
    expect({ path, status: answer.status, errors: validate(answer.body) ? [] : validate.errors }).toEqual({
      path,
      status: answer.status,
      errors: [],
    });
  };
}

/** The same schemas, refusing fields that they don't name: a misspelt one would pass otherwise. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  return 'properties' in schema && !('additionalProperties' in schema)
    ? { ...inner, additionalProperties: false }
    : inner;
}

let standIn: Caller;
let data: string;
let control: Awaited<ReturnType<typeof validators>>;
let records: Awaited<ReturnType<typeof validators>>;
beforeAll(async () => {
  standIn = await startCaller();
  data = await standIn.index({ metric: 'dotproduct', tags: { team: 'search' } });
  [control, records] = await Promise.all([validators('control'), validators('data')]);
});
afterAll(() => standIn.close());

test('the control plane answers as its document says', async () => {
  const ask = async (method: string, path: string, body?: unknown) => {
    const answer = await standIn.call(method.toUpperCase(), path, body);
    control(method, path.replace(/^\/indexes\/.+/, '/indexes/{index_name}'), answer);
    return answer.status;
  };
  const pod = { pod: { environment: 'us-east-1-aws', pod_type: 'p1.x1', metadata_config: { indexed: ['genre'] } } };
  expect(await ask('post', '/indexes', { name: 'one', dimension: 3, spec: serverless })).toBe(201);
  expect(await ask('post', '/indexes', { name: 'two', dimension: 3, spec: pod })).toBe(201);
  expect(await ask('post', '/indexes', { name: 'three', vector_type: 'sparse', spec: serverless })).toBe(201);
  expect(await ask('post', '/indexes', { name: 'one', dimension: 3, spec: serverless })).toBe(409);
  expect(await ask('post', '/indexes', { name: 'One', dimension: 3, spec: serverless })).toBe(400);
  expect(await ask('post', '/indexes', { name: 'four' })).toBe(422);
  const nowhere = { serverless: { cloud: 'aws', region: 'nowhere' } };
  expect(await ask('post', '/indexes', { name: 'five', dimension: 1, spec: nowhere })).toBe(404);
  expect(await ask('get', '/indexes')).toBe(200);
  expect(await ask('get', '/indexes/two')).toBe(200);
  expect(await ask('get', '/indexes/nowhere')).toBe(404);
  expect(await ask('patch', '/indexes/two', { deletion_protection: 'enabled', spec: { pod: { replicas: 2 } } })).toBe(
    202,
  );
  expect(await ask('delete', '/indexes/two')).toBe(403);
  expect(await ask('delete', '/indexes/one')).toBe(202);
});

test('the data plane answers as its document says', async () => {
  const ask = async (method: string, path: string, body?: unknown) => {
    const answer = await standIn.call(method.toUpperCase(), `${data}${path}`, body);
    const operation = (path.split('?', 1)[0] ?? '').replace(/^\/namespaces\/.+/, '/namespaces/{namespace}');
    records(method, operation, answer);
    return answer;
  };
  const vectors = ['a', 'b', 'c'].map((id, at) => ({
    id,
    values: [at + 1, 0.1],
    sparseValues: { indices: [at], values: [1] },
    metadata: { id, at, list: ['x'] },
  }));
  expect((await ask('post', '/vectors/upsert', { vectors })).status).toBe(200);
  expect((await ask('post', '/vectors/upsert', { vectors: [{ id: '', values: [1, 0] }] })).status).toBe(400);
  expect((await ask('get', '/vectors/fetch?ids=a&ids=z')).status).toBe(200);
  expect((await ask('get', '/vectors/list?limit=2')).body.pagination).toBeDefined();
  expect((await ask('post', '/vectors/fetch_by_metadata', { filter: { at: { $gte: 0 } }, limit: 1 })).status).toBe(200);
  const query = { vector: [1, 0], topK: 2, includeValues: true, includeMetadata: true };
  expect((await ask('post', '/query', query)).body.matches).toHaveLength(2);
  expect((await ask('post', '/query', { vector: [1], topK: 2 })).status).toBe(400);
  expect((await ask('post', '/vectors/update', { id: 'a', setMetadata: { x: 1 } })).status).toBe(200);
  const update = { filter: { id: 'b' }, setMetadata: { x: 1 } };
  expect((await ask('post', '/vectors/update', { ...update, dryRun: true })).body.matchedRecords).toBe(1);
  expect((await ask('post', '/vectors/update', update)).body.matchedRecords).toBe(1);
  expect((await ask('post', '/describe_index_stats', {})).status).toBe(200);
  const schema = { fields: { genre: { filterable: true } } };
  expect((await ask('post', '/namespaces', { name: 'new', schema })).status).toBe(200);
  expect((await ask('post', '/namespaces', { name: 'new' })).status).toBe(409);
  expect((await ask('get', '/namespaces?limit=1')).body.pagination).toBeDefined();
  expect((await ask('get', '/namespaces/new')).status).toBe(200);
  expect((await ask('get', '/namespaces/nowhere')).status).toBe(404);
  expect((await ask('delete', '/namespaces/new')).status).toBe(200);
  expect((await ask('post', '/vectors/delete', { ids: ['a'] })).status).toBe(200);
  expect((await ask('post', '/vectors/delete', { deleteAll: true, namespace: 'nowhere' })).status).toBe(404);
});
