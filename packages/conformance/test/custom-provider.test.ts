import { afterAll, beforeAll, describe, it } from '@jest/globals';
import type { JsonValue } from '@storage/core';
import { defineProvider } from '@storage/core/agents';
import { runConformance } from '../src/index.ts';

// Three functions over a map, each of which takes a turn, are a backend.
runConformance({
  runner: { describe, it, before: beforeAll, after: afterAll },
  name: 'custom provider',
  create: () => {
    const kept = new Map<string, JsonValue>();
    return defineProvider({
      name: 'custom',
      store: async (key, data) => void kept.set(key, data),
      retrieve: async (key) => kept.get(key),
      delete: async (key) => kept.delete(key),
    });
  },
  server: { name: 'none, in process', version: process.version, how: 'embedded' },
});
