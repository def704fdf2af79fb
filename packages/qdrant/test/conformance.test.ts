import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import { onService } from '@storage/services/testing';
import type { QdrantOptions } from '../src/index.ts';
import { QdrantHarness } from './harness.ts';

const runner = { describe, it, before: beforeAll, after: afterAll };

const plain: readonly (readonly [suffix: string, options: QdrantOptions])[] = [['', {}]];
const quantized: QdrantOptions = {
  quantization: { type: 'scalar' },
  sparse: true,
  hnsw: { m: 16, efConstruct: 64, ef: 128 },
};

for (const [name, variants] of [
  ['qdrant', [...plain, ['-quantized', quantized]]],
  ['qdrant-next', plain],
] as const) {
  await onService(name, (service) => {
    const server = { name: service.server, version: service.version, how: service.how };
    for (const [suffix, options] of variants) {
      const harness = new QdrantHarness(service, options);
      afterAll(() => harness[Symbol.asyncDispose]());
      runConformance({ runner, name: name + suffix, server, ...harness.members() });
    }
  });
}
