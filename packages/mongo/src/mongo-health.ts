import type { Call, HealthFinding } from '@storage/backend-kit';
import type { MongoSettings } from './mongo-options.ts';
import { serverTime } from './mongo-pages.ts';
import type { MongoStore } from './mongo-store.ts';

/** Asks the server, and tells what it is and how much is kept safe. */
export async function checkHealth(
  { db, facts, records }: MongoStore,
  settings: MongoSettings,
  trouble: string | undefined,
  call: Call,
): Promise<HealthFinding> {
  await db.command({ ping: 1, ...serverTime(call) });
  const concern = records.writeConcern?.w ?? 1;
  const several = facts.topology !== 'standalone';
  return {
    status: trouble === undefined ? 'healthy' : 'degraded',
    message: trouble,
    details: {
      engine: facts.engine,
      version: facts.version,
      topology: facts.topology,
      database: db.databaseName,
      collection: settings.collection,
      writeConcern: concern,
      readConcern: records.readConcern?.level ?? 'local',
      // On one server alone a majority is that server, and its disk.
      durable:
        concern === 'majority'
          ? several
            ? 'by a majority of the servers'
            : "by the one server's own disk"
          : 'by as many servers as writeConcern says',
      transactions: settings.transactions,
      changeStreams: settings.changeStreams,
    },
  };
}
