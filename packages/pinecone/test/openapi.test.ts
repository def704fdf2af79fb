// What is sent, held against the vendor's OpenAPI documents.
import { describe, expect, it } from '@jest/globals';
import { checkConformance } from '@storage/conformance';
import { startCheckedProxy } from '@storage/openapi';
import { onService } from '@storage/services/testing';
import { type KitLayout, oneIndex, ownIndexes, PineconeHarness } from './harness.ts';

/** Tests of the kit that between them send every kind of request. */
const sample = [
  'vectors/collections',
  'vectors/drop-namespace',
  'vectors/upsert-and-get',
  'vectors/ids-are-told-apart',
  'vectors/delete-where',
  'vectors/filtered-search',
  'vectors/iterate',
];

const layouts: readonly (readonly [name: string, layout: KitLayout, requests: readonly string[]])[] = [
  ['indexes of their own', ownIndexes(), ['POST /indexes', 'POST /vectors/fetch_by_metadata', 'GET /vectors/list']],
  ['one index', oneIndex, ['POST /namespaces', 'DELETE /namespaces/{namespace}', 'POST /vectors/upsert']],
  ['pods', ownIndexes({ environment: 'us-west1-gcp' }), ['POST /query', 'GET /vectors/fetch', 'POST /vectors/delete']],
];

await onService('pinecone', (service) => {
  describe.each(layouts)('requests to %s', (_name, layout, requests) => {
    it('are as the documents have them, and so are the answers', async () => {
      await using proxy = await startCheckedProxy({
        target: service.url,
        documents: ['pinecone-control', 'pinecone-data'],
        named: 'both',
      });
      await using harness = new PineconeHarness({ url: proxy.url }, layout, true);
      const server = { name: service.server, version: service.version, how: service.how };
      const report = await checkConformance(
        { name: 'pinecone', server, ...harness.members() },
        { only: ({ id }) => sample.includes(id), runs: 10 },
      );
      const results = report.suites.flatMap(({ tests }) => tests);
      expect(results.filter(({ passed }) => !passed)).toEqual([]);
      expect(results).toHaveLength(sample.length);
      expect(proxy.violations).toEqual([]);
      expect(proxy.responseViolations).toEqual([]);
      for (const request of requests) expect([...proxy.checked.keys()]).toContain(request);
    }, 120_000);
  });
});
