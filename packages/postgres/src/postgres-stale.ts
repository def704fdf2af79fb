import {
  type BackendContext,
  type Call,
  createRecordStore,
  type HealthFinding,
  makeCall,
  type RecordDriver,
} from '@storage/backend-kit';
import type { RecordStore } from '@storage/core';
import { type PostgresPlace, PostgresPool, postgresTranslator } from '@storage/sql/pg';
import type { PostgresCapabilities } from './postgres-capabilities.ts';
import { type PostgresSettings, replicaSettings } from './postgres-options.ts';
import { StaleRecords } from './postgres-replicas.ts';

/** Records as replicas show them, which is how they were some moments ago. */
export interface StaleView {
  /** Those of the backend, but `consistency` is `eventual` where there are replicas. */
  readonly capabilities: PostgresCapabilities;
  /**
   * Reads are answered by the replicas in turn, by the primary where none of them can; what is written goes to the primary, and may
   * not be seen here for a while.
   */
  readonly records: RecordStore;
}

/** A replica as health tells of it. */
export interface ReplicaState {
  readonly where: string;
  /** How far it is behind at most, in milliseconds; `null`: it can't be reached, or has not heard of the primary yet. */
  readonly lagMs: number | null;
  /** Why it can't be reached. */
  readonly message?: string;
}

// What is received and replayed is up to date only while more would come.
const lagText = `SELECT CASE
  WHEN NOT pg_catalog.pg_is_in_recovery() THEN 0
  WHEN EXISTS (SELECT FROM pg_catalog.pg_stat_wal_receiver)
    AND pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn() THEN 0
  ELSE (extract(epoch FROM clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()) * 1000)::bigint END`;

interface Replica {
  readonly place: PostgresPlace;
  readonly pool: PostgresPool;
}

/** The replicas of a store. */
export interface PostgresReplicas extends StaleView {
  open(): Promise<void>;
  close(call?: Call): Promise<void>;
  /** Asks each how far it is behind. */
  states(call: Call): Promise<readonly ReplicaState[]>;
}

/** `recordsOn` makes the records that are reached by a pool. */
export function createReplicas<Native>(
  settings: PostgresSettings,
  context: BackendContext & { readonly capabilities: PostgresCapabilities },
  primary: RecordDriver<Native>,
  recordsOn: (pool: PostgresPool) => RecordDriver<Native>,
): PostgresReplicas {
  const replicas: readonly Replica[] = settings.replicas.map((place) => ({
    place,
    pool: new PostgresPool(replicaSettings(settings, place)),
  }));
  const consistency = replicas.length === 0 ? context.capabilities.consistency : 'eventual';
  const capabilities = { ...context.capabilities, consistency } as const;
  const drivers = replicas.map(({ pool }) => ({ records: recordsOn(pool) }));
  return {
    capabilities,
    records: createRecordStore(new StaleRecords(primary, drivers, context.translate), { ...context, capabilities }),
    open: async () => {
      for (const { pool } of replicas) await pool.open();
    },
    close: async (call) => {
      await Promise.all(replicas.map(({ pool }) => pool.close(call)));
    },
    states: (call) => Promise.all(replicas.map((replica) => stateOf(replica, call))),
  };
}

/** How long a replica has to answer health, in milliseconds; at most half of what the call has left. */
const answerMs = 2000;

async function stateOf({ place, pool }: Replica, call: Call): Promise<ReplicaState> {
  const { where } = place;
  const left = call.deadline === undefined ? answerMs : Math.max(1, (call.deadline - performance.now()) / 2);
  const own = makeCall({ signal: call.signal, timeoutMs: Math.min(answerMs, left) });
  try {
    const { rows } = await pool.run({ text: lagText }, own);
    const lag = rows[0]?.[0];
    return { where, lagMs: typeof lag === 'number' ? lag : null };
  } catch (error) {
    call.check();
    const { message } = postgresTranslator(where)(error, { operation: 'health', key: undefined, write: false });
    return { where, lagMs: null, message };
  } finally {
    own.end();
  }
}

/** What is to be said of the store and its replicas. */
export function withReplicas(finding: HealthFinding, replicas: readonly ReplicaState[]): HealthFinding {
  if (replicas.length === 0) return finding;
  const details = { ...finding.details, replicas };
  const down = replicas.filter(({ message }) => message !== undefined);
  if (down.length === 0) return { ...finding, details };
  const message = `${down.length} of ${replicas.length} replicas can't be reached; the others or the primary answer. ${down[0]?.message}`;
  return { status: 'degraded', message: [finding.message, message].filter(Boolean).join(' '), details };
}
