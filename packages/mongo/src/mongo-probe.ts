import type { mongo } from 'mongoose';

/** What a server says of itself. */
export interface ServerFacts {
  /** `FerretDB` where it says so; else `MongoDB`, or what passes for it. */
  readonly engine: 'MongoDB' | 'FerretDB';
  /** The engine's own version. */
  readonly version: string;
  readonly topology: 'standalone' | 'replica set' | 'sharded';
  /** When it was asked, by its clock. */
  readonly localTime: unknown;
}

/** Whether the server does not know a command. */
export function isUnknownCommand(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 59;
}

async function hello(db: mongo.Db): Promise<mongo.BSON.Document> {
  try {
    return await db.command({ hello: 1 });
  } catch (error) {
    if (!isUnknownCommand(error)) throw error;
    return db.command({ isMaster: 1 });
  }
}

export async function examineServer(db: mongo.Db): Promise<ServerFacts> {
  const [said, build] = await Promise.all([hello(db), db.command({ buildInfo: 1 })]);
  const ferret: unknown = build['ferretdb']?.version;
  return {
    engine: typeof ferret === 'string' ? 'FerretDB' : 'MongoDB',
    version: String(typeof ferret === 'string' ? ferret : build['version']),
    topology: said['msg'] === 'isdbgrid' ? 'sharded' : said['setName'] === undefined ? 'standalone' : 'replica set',
    localTime: said['localTime'],
  };
}
