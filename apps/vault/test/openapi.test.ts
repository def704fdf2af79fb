import SwaggerParser from '@apidevtools/swagger-parser';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type LocalVault, localVault } from './support/local-vault.ts';

interface Operation {
  readonly responses: {
    readonly [status: string]: { readonly content?: { readonly [type: string]: { readonly schema: object } } };
  };
}
interface Document {
  readonly openapi: string;
  readonly paths: { readonly [path: string]: { readonly [method: string]: Operation } };
}

let vault: LocalVault;
let document: Document;

beforeAll(async () => {
  vault = await localVault();
  document = (await vault.request<Document>('GET', '/openapi.json')).body;
});
afterAll(() => vault.close());

test('the document is a valid one, and has every route', async () => {
  await SwaggerParser.validate(structuredClone(document) as never);
  const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(routes.sort()).toEqual(
    `DELETE /storage/artifacts/{id}
DELETE /storage/cache/{key}
DELETE /storage/history
DELETE /storage/sessions/{id}
DELETE /storage/state/{session_id}
GET /
GET /health
GET /storage/artifacts
GET /storage/artifacts/{id}
GET /storage/cache/{key}
GET /storage/history
GET /storage/metrics
GET /storage/sessions
GET /storage/sessions/{id}
GET /storage/state/{session_id}
POST /storage/artifacts
POST /storage/cache/cleanup
POST /storage/history
POST /storage/metrics
POST /storage/sessions
PUT /storage/cache/{key}
PUT /storage/sessions/{id}
PUT /storage/state/{session_id}`.split('\n'),
  );
});

test('what is answered is what the document says', async () => {
  const ajv = new Ajv2020({
    strict: false,
    formats: { 'date-time': (text: string) => !Number.isNaN(Date.parse(text)) },
  });
  const checked = new Set<string>();
  const ids: { [name: string]: string } = { session_id: 's', id: 's', key: 'k' };
  const check = async (method: string, path: string, body?: unknown): Promise<void> => {
    const url = path.replace(/\{(\w+)\}/g, (_all, name: string) => ids[name] ?? '');
    const answer = await vault.request<{ id?: string }>(method, url, body);
    const { responses } = document.paths[path.split('?')[0] ?? '']?.[method.toLowerCase()] ?? { responses: {} };
    const response = responses[answer.status] ?? responses[`${Math.floor(answer.status / 100)}XX`];
    expect([method, url, answer.status, response !== undefined]).toEqual([method, url, answer.status, true]);
    const [type, content] = Object.entries(response?.content ?? {})[0] ?? [];
    if (content !== undefined) {
      expect(answer.headers['content-type']).toMatch(type ?? '');
      const validate = ajv.compile(content.schema);
      expect([validate(answer.body), validate.errors, answer.body]).toEqual([true, null, answer.body]);
    } else expect(answer.text).toBe('');
    checked.add(`${method} ${path.split('?')[0]} ${answer.status}`);
    if (answer.body?.id?.startsWith('artifact_')) ids['id'] = answer.body.id;
  };
  await check('GET', '/');
  await check('GET', '/health');
  await check('POST', '/storage/sessions', { id: 's', agent_name: 'a', user_id: 'u', metadata: { a: [1] } });
  await check('POST', '/storage/sessions', { id: 's', agent_name: 'a' });
  await check('GET', '/storage/sessions/{id}');
  await check('GET', '/storage/sessions?status=active');
  await check('PUT', '/storage/sessions/{id}', { status: 'ended' });
  await check('POST', '/storage/history', { session_id: 's', role: 'assistant', content: '' });
  await check('GET', '/storage/history?session_id=s');
  await check('GET', '/storage/history');
  await check('PUT', '/storage/state/{session_id}', { data: null });
  await check('GET', '/storage/state/{session_id}');
  await check('DELETE', '/storage/state/{session_id}');
  await check('GET', '/storage/state/{session_id}');
  await check('POST', '/storage/metrics', { entity_type: 'a', entity_name: 'b', metric_name: 'c', value: 0.1 });
  await check('GET', '/storage/metrics');
  await check('PUT', '/storage/cache/{key}', { value: {}, ttl: 5 });
  await check('GET', '/storage/cache/{key}');
  await check('DELETE', '/storage/cache/{key}');
  await check('POST', '/storage/cache/cleanup');
  await check('DELETE', '/storage/history?session_id=s');
  await check('POST', '/storage/artifacts', { session_id: 's', name: 'n', type: 't', path: 'p', size: 1 });
  await check('GET', '/storage/artifacts?session_id=s');
  await check('GET', '/storage/artifacts/{id}');
  await check('DELETE', '/storage/artifacts/{id}');
  ids['id'] = 's';
  await check('DELETE', '/storage/sessions/{id}');
  expect(checked.size).toBe(26);
});
