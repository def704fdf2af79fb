import {
  type DataAccess,
  type DataQueryOptions,
  type DataSearchOptions,
  type JsonValue,
  outcome,
  type RecordFilter,
  type SearchResult,
  type StorageError,
} from '../index.ts';

/** What several providers answered together. A provider that failed is told, never taken for one that found nothing. */
export interface AcrossResult<T> {
  readonly results: readonly T[];
  readonly failures: readonly { readonly provider: string; readonly error: StorageError }[];
}

async function across<T>(
  providers: readonly string[],
  work: (provider: string) => Promise<readonly T[]>,
): Promise<AcrossResult<T>> {
  const outcomes = await Promise.all(
    providers.map(async (provider) => ({ provider, outcome: await outcome(work(provider)) })),
  );
  const results: T[] = [];
  const failures: { provider: string; error: StorageError }[] = [];
  for (const { provider, outcome } of outcomes) {
    if (outcome.ok) results.push(...outcome.value);
    else failures.push({ provider, error: outcome.error });
  }
  const [first] = failures;
  if (first !== undefined && failures.length === providers.length) throw first.error;
  return { results, failures };
}

/** Searches several providers at once: the closest of all, best first. Scores compare only between collections of one metric and one embedding model. All failed: the first failure. */
export async function searchAll<T = JsonValue>(
  dm: DataAccess,
  providers: readonly string[],
  vector: ArrayLike<number>,
  options: DataSearchOptions = {},
): Promise<AcrossResult<SearchResult<T>>> {
  const { results, failures } = await across(providers, (provider) => dm.search<T>(provider, vector, options));
  return { results: results.toSorted((a, b) => b[1] - a[1]).slice(0, options.limit ?? 10), failures };
}

/** Queries several providers at once; results in the order of the providers, at most `limit` of each. All failed: the first failure. */
export function queryAll<T = JsonValue>(
  dm: DataAccess,
  providers: readonly string[],
  filter: RecordFilter,
  options: DataQueryOptions = {},
): Promise<AcrossResult<T>> {
  return across(providers, (provider) => dm.query<T>(provider, filter, options));
}
