import { checkNumber } from '@storage/backend-kit';
import { assertText, invalidArgument } from '@storage/core';
import type { ClientConfig } from 'pg';

/** How messages are listened for. */
export interface PostgresListenOptions {
  /** The server itself, where everything else goes through a pooler. Missing: the server that everything else goes to. */
  readonly url?: string | undefined;
  /** How often the listening connection is tried, and how long the server may take to answer, in milliseconds. Missing: 10,000. */
  readonly heartbeatMs?: number | undefined;
}

/** Of the one connection that listens. */
export interface ListenSettings {
  /** How the server is reached. */
  readonly client: ClientConfig;
  /** `true`: the user says that this is the server itself, or a pooler that keeps sessions. */
  readonly direct: boolean;
  readonly heartbeatMs: number;
}

/** `undefined`: nothing can be listened for, since `connection` leads to a pooler and there is nothing else. */
export function listenSettings(
  options: PostgresListenOptions | undefined,
  connection: ClientConfig,
  pooled: boolean,
): ListenSettings | undefined {
  if (options !== undefined && (typeof options !== 'object' || options === null))
    throw invalidArgument('listen is { url?, heartbeatMs? }.', { path: 'listen' });
  const { url, heartbeatMs } = options ?? {};
  const checked = checkNumber(heartbeatMs ?? 10_000, 10, 2 ** 31 - 1, 'listen.heartbeatMs');
  if (url === undefined) return pooled ? undefined : { client: connection, direct: false, heartbeatMs: checked };
  assertText(url, 'listen.url');
  if (!URL.canParse(url) || !/^postgres(ql)?:/.test(url))
    throw invalidArgument('listen.url is postgres://user:password@host:port/database.', { path: 'listen.url' });
  const { ssl, application_name } = connection;
  return {
    client: { connectionString: url, ...(ssl !== undefined && { ssl }), ...(application_name && { application_name }) },
    direct: true,
    heartbeatMs: checked,
  };
}
