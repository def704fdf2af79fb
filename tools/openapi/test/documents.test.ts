import { describe, expect, it } from '@jest/globals';
import { type OpenApiDocument, readDocument, vendors } from '../src/documents.ts';
import { routes } from '../src/operations.ts';
import { SchemaCheck } from '../src/schema-check.ts';

function everySchema(document: OpenApiDocument): unknown[] {
  return routes(document)
    .flatMap((route) => [...route.operations.values()])
    .flatMap((operation) => [
      ...operation.parameters.map(({ schema }) => schema),
      ...operation.body.values(),
      ...[...operation.responses.values()].flatMap((contents) => [...contents.values()]),
    ]);
}

describe('the vendors’ documents', () => {
  it.each(vendors)('%s: every schema of every operation compiles, strict and as it is', (vendor) => {
    const document = readDocument(vendor);
    const schemas = everySchema(document);
    expect(schemas.length).toBeGreaterThan(50);
    for (const named of [true, false]) {
      const check = new SchemaCheck(document, named);
      for (const schema of schemas) expect(typeof check.compile(schema)).toBe('function');
    }
  });
});

describe('what a document leaves unsaid', () => {
  const schema = (vendor: 'qdrant' | 'chroma', name: string) => readDocument(vendor).schemas[name];

  it('takes a lone nullable for null, not for anything', () => {
    const check = new SchemaCheck(readDocument('qdrant'), false);
    const struct = schema('qdrant', 'PointStruct');
    expect(check.wrong(struct, { id: 1, vector: [1], payload: null })).toBeUndefined();
    expect(check.wrong(struct, { id: 1, vector: [1], payload: 7 })).toMatch(/payload/);
  });

  it('refuses members that no schema names only where that was asked for, and never in payloads', () => {
    const struct = schema('qdrant', 'PointStruct');
    const point = { id: 1, vector: [1], payload: { anything: { at: ['all'] } } };
    const strict = new SchemaCheck(readDocument('qdrant'), true);
    expect(strict.wrong(struct, point)).toBeUndefined();
    expect(strict.wrong(struct, { ...point, pay_load: {} })).toMatch(/"pay_load"/);
    expect(new SchemaCheck(readDocument('qdrant'), false).wrong(struct, { ...point, pay_load: {} })).toBeUndefined();
  });

  it('sees the members of all parts of a whole', () => {
    const check = new SchemaCheck(readDocument('chroma'), true);
    const query = schema('chroma', 'QueryRequestPayload');
    expect(check.wrong(query, { query_embeddings: [[1]], where: { a: 1 }, n_results: 3 })).toBeUndefined();
    expect(check.wrong(query, { query_embeddings: [[1]], filter: { a: 1 } })).toMatch(/"filter"/);
    expect(check.wrong(query, { where: {} })).toMatch(/query_embeddings/);
  });

  it('takes a value that several variants of Chroma’s fit', () => {
    const check = new SchemaCheck(readDocument('chroma'), true);
    const metadata = schema('chroma', 'HashMap');
    expect(check.wrong(metadata, { whole: 1, half: 0.5, word: 'a', list: [1, 2] })).toBeUndefined();
    expect(check.wrong(metadata, { nested: { a: 1 } })).toMatch(/nested/);
  });

  it('knows the numbers of Rust', () => {
    const check = new SchemaCheck(readDocument('qdrant'), true);
    const struct = schema('qdrant', 'PointStruct');
    expect(check.wrong(struct, { id: 1.5, vector: [1] })).toMatch(/\/id/);
    expect(check.wrong(struct, { id: 'no uuid', vector: [1] })).toMatch(/uuid/);
    expect(check.wrong(struct, { id: 1, vector: [1e39] })).toMatch(/float/);
  });
});
