import type { HealthFinding } from '@storage/backend-kit';
import type { RedisConnection } from './redis-connection.ts';
import type { RedisSettings } from './redis-options.ts';

/** `INFO` as names and values. */
export function parseInfo(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(/\r?\n/).flatMap((line) => {
      const colon = line.indexOf(':');
      return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
    }),
  );
}

/** What an eviction policy does to an index. Missing: no harm. */
export function evictionWarning(policy: string | undefined, maxMemory: number, index: boolean): string | undefined {
  if (!index || policy === undefined || !policy.startsWith('allkeys-') || maxMemory === 0) return undefined;
  return `The server evicts any key (maxmemory-policy ${policy}), and so the index and records of this store: lists may miss records. Set noeviction or a volatile policy, or open the store with index: false.`;
}

/** One setting of the server, where it tells. */
export async function readSetting(connection: RedisConnection, name: string): Promise<string | undefined> {
  const [master] = connection.masters();
  // Hosted servers do not tell: then nothing is said of it.
  const reply = await master?.call('config', ['get', name]).catch(() => undefined);
  return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : undefined;
}

/** What acknowledged writes may be lost by a crash. */
function lossWindow(info: ReadonlyMap<string, string>, fsync: string | undefined, save: string | undefined): string {
  if (info.get('aof_enabled') === '1') {
    if (fsync === 'always') return 'none';
    return fsync === 'no' ? 'what the system has not written yet' : 'about a second (appendfsync everysec)';
  }
  if (save === undefined) return 'since the last snapshot, if there are snapshots';
  return save === '' ? 'everything: nothing is saved to disk' : `since the last snapshot (save ${save})`;
}

/** Asks the server how it is: its role, its memory, and what a crash would cost. */
export async function checkHealth(
  connection: RedisConnection,
  settings: RedisSettings,
  searching: boolean,
): Promise<HealthFinding> {
  const masters = connection.masters();
  const [master] = masters;
  if (master === undefined) throw connection.trouble ?? new Error('Connection is closed.');
  const [text, save, fsync] = await Promise.all([
    connection.clustered ? master.info() : connection.command('info', []),
    readSetting(connection, 'save'),
    readSetting(connection, 'appendfsync'),
  ]);
  const info = parseInfo(String(text));
  const policy = info.get('maxmemory_policy');
  const maxMemory = Number(info.get('maxmemory') ?? 0);
  const details = {
    server: info.get('valkey_version') === undefined ? 'redis' : 'valkey',
    version: info.get('valkey_version') ?? info.get('redis_version') ?? 'unknown',
    mode: info.get('redis_mode') ?? 'unknown',
    role: info.get('role') ?? 'unknown',
    ...(connection.clustered && { masters: masters.length }),
    usedMemoryBytes: Number(info.get('used_memory') ?? 0),
    maxMemoryBytes: maxMemory,
    evictionPolicy: policy ?? 'unknown',
    evictedKeys: Number(info.get('evicted_keys') ?? 0),
    appendOnly: info.get('aof_enabled') === '1',
    dataLossWindow: lossWindow(info, fsync, save),
    index: settings.index,
    buckets: settings.buckets,
    ...(settings.fields.length > 0 && { fieldsServedBy: searching ? 'RediSearch' : 'scans' }),
  };
  const warnings = [
    evictionWarning(policy, maxMemory, settings.index),
    info.get('role') === 'slave' ? 'The server is a replica: it takes no writes.' : undefined,
    info.get('rdb_last_bgsave_status') === 'err' || info.get('aof_last_write_status') === 'err'
      ? 'The server fails to save to its disk.'
      : undefined,
  ].filter((warning) => warning !== undefined);
  return warnings.length === 0 ? { details } : { status: 'degraded', message: warnings.join(' '), details };
}
