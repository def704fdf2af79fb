import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

/** Every code block of the storage guide, in its order, by the heading it stands under. */
const blocks = [
  'Quick Start: Basic Storage',
  'Quick Start: Storage with Agents',
  'FileSystem Provider',
  'FileSystem Provider: Configuration',
  'PostgreSQL Provider',
  'Redis Provider',
  'S3 Provider',
  'Qdrant Provider',
  'Storing Data',
  'Retrieving Data',
  'Retrieving Data: by key',
  'Deleting Data',
  'Deleting Data: by key',
  'Querying Data',
  'Searching (Vector Databases)',
  '@storage_enabled',
  '@requires_storage',
  'Environment Variables',
  'Programmatic Configuration',
  'Multi-Provider Storage',
  'Storage with Memory Integration',
  'Transaction-like Operations',
  'Custom Storage Providers',
  'Best Practices: Use Metadata',
  'Best Practices: Handle Failures Gracefully',
  'Best Practices: Clean Up Temporary Data',
  'Best Practices: Version Your Data',
  'Troubleshooting: Provider Not Available',
  'Troubleshooting: Provider Not Available, solution',
  'Troubleshooting: Connection Errors',
  'Troubleshooting: Connection Errors, solution',
  'Troubleshooting: Serialization Errors',
  'Troubleshooting: Serialization Errors, solution',
];

test('every block of the guide has exactly one test, and every test is of a block', () => {
  const tested = readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith('.test.ts'))
    .flatMap((name) => [...readFileSync(join(import.meta.dirname, name), 'utf8').matchAll(/^seedTest\(\s*'([^']+)'/gm)])
    .map(([, block]) => block);
  expect(tested.toSorted()).toEqual(blocks.toSorted());
});
