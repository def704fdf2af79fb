import type { Call, HealthFinding } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import type { QdrantConnection } from './qdrant-connection.ts';
import type { QdrantSettings } from './qdrant-options.ts';

/** The first that keeps settings with a collection. */
const oldest = [1, 16] as const;

/** The server's version, as it tells it to anybody. */
export async function readVersion(connection: QdrantConnection, call: Call): Promise<string> {
  const { version } = await connection.sendRaw(call, async (api, init) => (await api.root({}, init)).data);
  return String(version);
}

/** Refuses servers that would lose settings without a word. */
export function checkVersion(version: string, where: string): void {
  const [major, minor] = version.split('.').map(Number);
  if (major === undefined || minor === undefined || Number.isNaN(major) || Number.isNaN(minor)) {
    throw new StorageError({
      code: 'unavailable',
      message: `What answers at ${where} does not tell a version of Qdrant; check \`url\`.`,
    });
  }
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return;
  throw new StorageError({
    code: 'version_mismatch',
    message: `Qdrant at ${where} is ${version}; ${oldest.join('.')} or later is needed.`,
  });
}

/** Asks for the version, and for the names of collections, which shows that the key is good. */
export async function checkHealth(
  connection: QdrantConnection,
  { where }: QdrantSettings,
  call: Call,
): Promise<HealthFinding> {
  const serverVersion = await readVersion(connection, call);
  const { collections } = await connection.send(call, (api, init) => api.getCollections({}, init));
  return { details: { where, serverVersion, collections: collections.length } };
}
