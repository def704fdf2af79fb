import { type CommonOptions, invalidArgument } from '@storage/core';

export interface MemoryOptions extends CommonOptions {
  /** The most records and vectors kept; over it a write is `quota_exceeded`. Missing: 1,000,000. */
  readonly maxEntries?: number | undefined;
  /** The most bytes of values, metadata and vectors kept; over it a write is `quota_exceeded`. Missing: 1 GiB. */
  readonly maxBytes?: number | undefined;
}

/** Options with their defaults. */
export interface MemoryLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

function limit(value: number | undefined, fallback: number, name: string): number {
  if (value === undefined) return fallback;
  if (!Number.isFinite(value) || value < 1)
    throw invalidArgument(`${name} is ${value}; it must be a number of at least 1.`, { path: name });
  return value;
}

export function memoryLimits(options: MemoryOptions): MemoryLimits {
  return {
    maxEntries: limit(options.maxEntries, 1_000_000, 'maxEntries'),
    maxBytes: limit(options.maxBytes, 1024 ** 3, 'maxBytes'),
  };
}
