import { CallGuard } from '@storage/backend-kit';
import {
  artifactsFacet,
  conversationsFacet,
  domainContext,
  keyValueFacet,
  metricsFacet,
  stateFacet,
} from '@storage/domain';
import { domainSchema } from '@storage/sql';
import type { SqliteRuntime } from '../sqlite-backend.ts';
import type { SqliteFacet } from '../sqlite-facets.ts';
import { type DomainConnection, type DomainHost, type DomainStatement, DomainWrites } from './domain-host.ts';
import { SqliteArtifacts } from './sqlite-artifacts.ts';
import { SqliteConversations } from './sqlite-conversations.ts';
import { SqliteKeyValues } from './sqlite-key-values.ts';
import { SqliteMetrics } from './sqlite-metrics.ts';
import { SqliteState } from './sqlite-state.ts';

/** The domain stores of one backend share their writes, so that these come in one order and one transaction. */
const hosts = new WeakMap<SqliteRuntime, DomainHost>();

function hostOf(runtime: SqliteRuntime): DomainHost {
  let host = hosts.get(runtime);
  if (host === undefined) {
    const connection = connectionOf(runtime);
    host = {
      guard: new CallGuard(runtime.context),
      connection,
      writes: new DomainWrites(connection),
      context: domainContext(runtime.settings),
      tenantId: 'default',
    };
    hosts.set(runtime, host);
  }
  return host;
}

function connectionOf(runtime: SqliteRuntime): DomainConnection {
  const statements = new Map<string, DomainStatement>();
  return {
    prepare(text) {
      let statement = statements.get(text);
      if (statement === undefined) {
        statement = runtime.engine.connection.database.prepare(text) as DomainStatement;
        statements.set(text, statement);
      }
      return statement;
    },
    transaction: (work, call) => runtime.engine.transaction(call, work),
    read: (work, call) => runtime.engine.read(call, () => runtime.engine.connection.snapshot(work)),
  };
}

/** The domain stores that SQLite has, by id, sorted. */
export const domainFacets: readonly SqliteFacet[] = [
  { id: artifactsFacet.id, schema: [domainSchema], create: (runtime) => new SqliteArtifacts(hostOf(runtime)) },
  { id: conversationsFacet.id, schema: [], create: (runtime) => new SqliteConversations(hostOf(runtime)) },
  {
    id: keyValueFacet.id,
    schema: [],
    create: (runtime) => new SqliteKeyValues(hostOf(runtime)),
    flush: (store) => (store as SqliteKeyValues | undefined)?.flushAccesses(),
  },
  { id: metricsFacet.id, schema: [], create: (runtime) => new SqliteMetrics(hostOf(runtime)) },
  { id: stateFacet.id, schema: [], create: (runtime) => new SqliteState(hostOf(runtime)) },
];
