import type { CallGuard } from '@storage/backend-kit';
import type { CommonOptions, FacetToken } from '@storage/core';
import {
  artifactsFacet,
  conversationsFacet,
  domainContext,
  keyValueFacet,
  metricsFacet,
  stateFacet,
} from '@storage/domain';
import { type DomainConnection, type DomainHost, DomainWrites } from './domain-host.ts';
import { SqliteArtifacts } from './sqlite-artifacts.ts';
import { SqliteConversations } from './sqlite-conversations.ts';
import { SqliteKeyValues } from './sqlite-key-values.ts';
import { SqliteMetrics } from './sqlite-metrics.ts';
import { SqliteState } from './sqlite-state.ts';

export type { DomainConnection, DomainStatement } from './domain-host.ts';

/** The ids of the facets that `createDomain` makes, sorted. */
export const domainFacets: readonly string[] = [
  artifactsFacet.id,
  conversationsFacet.id,
  keyValueFacet.id,
  metricsFacet.id,
  stateFacet.id,
].sort();

/** The domain stores over one connection. */
export interface SqliteDomain {
  /** A store by its token; made once. */
  facet<T>(token: FacetToken<T>): T | undefined;
  /** Carries out what waits to be written. Called before the connection closes. */
  flush(): void;
}

/** Makes the domain stores of a backend. Nothing is read or prepared before a store is used. */
export function createDomain(
  guard: CallGuard,
  connection: DomainConnection,
  options: Pick<CommonOptions, 'clock' | 'newId'>,
): SqliteDomain {
  const writes = new DomainWrites(connection);
  const host: DomainHost = { guard, connection, writes, context: domainContext(options), tenantId: 'default' };
  const keyValues = new SqliteKeyValues(host);
  const stores: ReadonlyMap<string, unknown> = new Map<string, unknown>([
    [conversationsFacet.id, new SqliteConversations(host)],
    [stateFacet.id, new SqliteState(host)],
    [artifactsFacet.id, new SqliteArtifacts(host)],
    [metricsFacet.id, new SqliteMetrics(host)],
    [keyValueFacet.id, keyValues],
  ]);
  return {
    facet: <T>(token: FacetToken<T>) => stores.get(token.id) as T | undefined,
    flush() {
      keyValues.flushAccesses();
      writes.flush();
    },
  };
}
