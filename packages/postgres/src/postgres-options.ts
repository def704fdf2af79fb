import { checkFields, checkNumber, checkOneOf, type DeclaredField } from '@storage/backend-kit';
import { type CommonOptions, invalidArgument, type SchemaOptions } from '@storage/core';
import {
  type ConnectionOptions,
  type ConnectionSettings,
  connectionSettings,
  type PoolSettings,
  type PostgresPlace,
  placeOfUrl,
} from '@storage/sql/pg';
import { type ListenSettings, listenSettings, type PostgresListenOptions } from './postgres-listen-options.ts';

/** Options of `createPostgres`. */
export interface PostgresOptions extends ConnectionOptions, CommonOptions, SchemaOptions {
  /** The connection that messages are listened for on: one of its own, while there are subscriptions. With `namedStatements: false` there are no messages unless it has a `url`. */
  readonly listen?: PostgresListenOptions | undefined;
  /** URLs of standbys that answer what is read through `stale`, in turn; `ssl` and `schema` are those of the primary. Missing: none. */
  readonly replicas?: readonly string[] | undefined;
  /** Paths that get an index, as they stand in filters: `data.user.age`, `metadata.event_type`, `updatedAt`. `data` or `metadata` alone: one index for equality on any path in it. Missing: none. */
  readonly fields?: readonly string[] | undefined;
  /** The largest value, in bytes. Missing: 16 MiB. At most 64 MiB. */
  readonly maxValueBytes?: number | undefined;
}

/** Options, checked and complete. */
export interface PostgresSettings extends ConnectionSettings {
  readonly replicas: readonly PostgresPlace[];
  /** Missing: there are no messages. */
  readonly listen: ListenSettings | undefined;
  readonly fields: readonly DeclaredField[];
  readonly maxValueBytes: number;
  readonly migrate: 'auto' | 'verify' | 'off';
  /** Missing: the server's clock. */
  readonly clock: (() => number) | undefined;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

const largestValue = 64 * 1024 * 1024;

function toReplicas(options: PostgresOptions): readonly PostgresPlace[] {
  const { replicas = [] } = options;
  if (!Array.isArray(replicas)) throw invalidArgument('replicas is a list of URLs.', { path: 'replicas' });
  return (replicas as readonly unknown[]).map((url, index) => placeOfUrl(url, options, `replicas[${index}]`));
}

/** The settings of a pool to a replica of the store. */
export function replicaSettings(settings: PoolSettings, place: PostgresPlace): PoolSettings {
  return { ...settings, ...place, pool: undefined };
}

/** Checks options and fills in what is missing. */
export function postgresSettings(options: PostgresOptions = {}): PostgresSettings {
  const { clock, newId, defaultTimeoutMs } = options;
  const connection = connectionSettings(options);
  return {
    ...connection,
    replicas: toReplicas(options),
    listen: listenSettings(
      options.listen,
      connection.pool?.options ?? connection.connection,
      !connection.namedStatements,
    ),
    fields: checkFields(options.fields ?? []),
    maxValueBytes: checkNumber(options.maxValueBytes ?? 16 * 1024 * 1024, 1, largestValue, 'maxValueBytes'),
    migrate: checkOneOf(options.migrate ?? 'auto', ['auto', 'verify', 'off'], 'migrate'),
    clock,
    newId,
    defaultTimeoutMs,
  };
}
