import { defineProvider, type ProviderDefinition } from '../src/agents/define-provider.ts';
import type { JsonValue } from '../src/json.ts';

/** A custom provider over a map, whose query answers everything. */
export function mapProvider(over: Partial<ProviderDefinition> = {}): ReturnType<typeof defineProvider> {
  const map = new Map<string, JsonValue>();
  return defineProvider({
    name: 'map',
    store: (key, data) => {
      map.set(key, data);
    },
    retrieve: (key) => map.get(key),
    delete: (key) => map.delete(key),
    query: (_, limit) => [...map.values()].slice(0, limit),
    ...over,
  });
}
