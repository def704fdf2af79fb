import { describe, expect, it } from '@jest/globals';
import { createRegistry, isStorageError } from '@storage/core';
import { createPinecone, type PineconeOptions, pineconePlugin } from './index.ts';

describe('pineconePlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(pineconePlugin.fromEnv({})).toEqual({});
    expect(
      pineconePlugin.fromEnv({
        PINECONE_API_KEY: 'k',
        PINECONE_ENVIRONMENT: 'us-west1-gcp',
        PINECONE_INDEX_NAME: 'atlas',
        PINECONE_NAMESPACE: 'docs',
        PINECONE_METRIC: 'dotproduct',
        PINECONE_CONTROLLER_URL: 'http://localhost:1',
      }),
    ).toEqual({
      apiKey: 'k',
      environment: 'us-west1-gcp',
      indexName: 'atlas',
      namespace: 'docs',
      metric: 'dotproduct',
      controllerUrl: 'http://localhost:1',
    });
    expect(pineconePlugin.fromEnv({ PINECONE_CLOUD: 'gcp', PINECONE_REGION: 'europe-west4' })).toEqual({
      cloud: 'gcp',
      region: 'europe-west4',
    });
  });

  it('registers under its name', () => {
    expect(createRegistry([pineconePlugin]).find('pinecone')).toBe(pineconePlugin);
  });
});

describe('createPinecone', () => {
  it.each<[string, unknown]>([
    ['apiKey', { apiKey: '' }],
    ['apiKey', { apiKey: 'a key\n' }],
    ['controllerUrl', { controllerUrl: 'localhost' }],
    ['controllerUrl', { controllerUrl: 'ftp://localhost' }],
    ['client', { client: {} }],
    ['client', { client: { getConfig: () => ({}) }, apiKey: 'k' }],
    ['indexName', { indexName: 'Atlas' }],
    ['indexName', { indexName: '-a' }],
    ['indexName', { indexName: 'a'.repeat(46) }],
    ['prefix', { prefix: 'A-' }],
    ['prefix', { prefix: 'a'.repeat(18) }],
    ['prefix', { prefix: 'a-', indexName: 'atlas' }],
    ['namespace', { namespace: 5 }],
    ['namespace', { namespace: 'n'.repeat(101) }],
    ['cloud', { cloud: 'ibm' }],
    ['region', { region: 5 }],
    ['podType', { podType: 'p1.x1' }],
    ['environment', { environment: 'us-west1-gcp', cloud: 'aws' }],
    ['environment', { environment: 'us-west1-gcp', region: 'us-east-1' }],
    ['metric', { metric: 'manhattan' }],
    ['readyTimeoutMs', { readyTimeoutMs: 0 }],
    ['requestTimeoutMs', { requestTimeoutMs: 0.5 }],
    ['maxRetries', { maxRetries: 11 }],
    ['scanLimit', { scanLimit: Number.NaN }],
  ])('refuses what %s can not be: %j', (path, options) => {
    let thrown: unknown;
    try {
      createPinecone(options as PineconeOptions);
    } catch (error) {
      thrown = error;
    }
    expect(isStorageError(thrown, 'invalid_argument')).toBe(true);
    expect(thrown).toMatchObject({ details: { path } });
  });

  it('never tells the key', () => {
    expect(() => createPinecone({ apiKey: 'se cret' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('cret') }),
    );
  });

  it('asks for a key when it is opened, not before', async () => {
    await expect(createPinecone().open()).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('PINECONE_API_KEY'),
    });
  });

  it('states what it is sure of', () => {
    expect(createPinecone().capabilities).toMatchObject({
      records: false,
      consistency: 'eventual',
      vectors: { metrics: ['cosine', 'dot_product', 'euclidean'], exact: 'on-request', maxLimit: 10_000 },
    });
    expect(createPinecone({ indexName: 'atlas' }).capabilities.vectors.metrics).toEqual(['cosine']);
    for (const metric of ['dotproduct', 'inner_product', 'dot_product'] as const)
      expect(createPinecone({ indexName: 'atlas', metric }).capabilities.vectors.metrics).toEqual(['dot_product']);
  });
});
