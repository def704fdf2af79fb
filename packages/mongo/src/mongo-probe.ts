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
function isUnknownCommand(error: unknown): boolean {
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

/** Whether changes of a collection can be followed. */
export async function hasChangeStreams(collection: mongo.Collection<mongo.BSON.Document>): Promise<boolean> {
  const stream = collection.watch([], { maxAwaitTimeMS: 1 });
  try {
    await stream.tryNext();
    return true;
  } catch (error) {
    // Only what the server says of the stream counts; a lost connection says nothing.
    if (isNetworkTrouble(error)) throw error;
    return false;
  } finally {
    await stream.close();
  }
}

/**
 * Whether transactions are what they should be: one that only reads can be committed, and what is written in another is neither
 * seen outside of it nor there after it was given up. Servers that know no transactions take the first step for a plain read, and
 * fail at the commit, before anything was written; should one write all the same, it is removed.
 */
export async function hasTransactions(
  client: mongo.MongoClient,
  collection: mongo.Collection<{ readonly _id: string; readonly expiresAt: Date }>,
  id: string,
): Promise<boolean> {
  const session = client.startSession();
  try {
    session.startTransaction();
    await collection.findOne({ _id: id }, { session });
    await session.commitTransaction();
    session.startTransaction();
    await collection.insertOne({ _id: id, expiresAt: new Date(0) }, { session });
    const leaked = await collection.findOne({ _id: id });
    await session.abortTransaction();
    const left = await collection.deleteOne({ _id: id });
    return leaked === null && left.deletedCount === 0;
  } catch (error) {
    if (isNetworkTrouble(error)) throw error;
    return false;
  } finally {
    // What an unreal transaction began has nothing left to end.
    await session.endSession().catch(() => undefined);
  }
}

function isNetworkTrouble(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('name' in error)) return false;
  return /Network|ServerSelection|PoolCleared|WaitQueue/.test(String(error.name));
}
