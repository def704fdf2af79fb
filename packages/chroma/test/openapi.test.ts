import { expect, it } from '@jest/globals';
import { checkConformance } from '@storage/conformance';
import { startCheckedProxy } from '@storage/openapi';
import { onService } from '@storage/services/testing';
import { ChromaHarness } from './harness.ts';

/** Tests in which every request that this backend makes is made. */
const asked = new Set(
  [
    'collections',
    'collection-that-is-there',
    'namespaces',
    'drop-namespace',
    'upsert-and-get',
    'upsert-replaces',
    'delete',
    'delete-where',
    'filtered-search',
    'fields-of-any-type',
    'iterate',
    'large-upsert',
    'exact',
  ].map((name) => `vectors/${name}`),
);

await onService('chroma', (service) => {
  it("sends what the vendor's OpenAPI document knows, and beside it only nulls that remove metadata", async () => {
    await using proxy = await startCheckedProxy({ target: service.url, documents: ['chroma'] });
    await using harness = new ChromaHarness(proxy.url, service.url);
    const server = { name: service.server, version: service.version, how: service.how };
    const report = await checkConformance(
      { name: 'chroma', server, ...harness.members() },
      { runs: 5, seed: 1, only: ({ id }) => asked.has(id) },
    );
    expect([report.failed, report.passed]).toEqual([0, asked.size]);
    // That a null removes a key of metadata the document does not say, and the server does.
    const unknown = proxy.violations.filter(({ what }) => !/^\/metadatas\/\d+\/[^;]* it is null/.test(what));
    expect(unknown).toEqual([]);
    const operations = [...proxy.checked.keys()];
    for (const path of ['/upsert', '/get', '/query', '/delete', '/count'])
      expect(operations.filter((operation) => operation.endsWith(path))).toHaveLength(1);
  }, 240_000);
});
