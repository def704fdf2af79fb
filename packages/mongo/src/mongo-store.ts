import { StorageError } from '@storage/core';
import type { mongo } from 'mongoose';
import type { RecordCollection } from './mongo-documents.ts';
import type { MongoSettings } from './mongo-options.ts';
import { examineServer, type ServerFacts } from './mongo-probe.ts';

/** A file of GridFS: bytes that stand in chunks. */
export interface FileDocument {
  readonly _id: string;
  /** Bytes. 0 while they are still coming. */
  readonly length: number;
  readonly chunkSize: number;
  readonly uploadDate: Date;
  readonly metadata: {
    /** The id of the record that names the file, or will. */
    readonly record: string;
    /** When its writer was last heard of, while the bytes are still coming. */
    readonly writing?: Date;
    /** Since when no record has been seen to name it. */
    readonly retired?: Date;
  };
}

export interface ChunkDocument {
  readonly files_id: string;
  readonly n: number;
  readonly data: mongo.Binary | Uint8Array;
}

export interface MessageDocument {
  readonly _id: string;
  readonly channel: string;
  /** JSON. */
  readonly text: string;
  readonly at: Date;
}

/** What everything of a store works on, while it is open. */
export interface MongoStore {
  readonly client: mongo.MongoClient;
  readonly db: mongo.Db;
  readonly records: RecordCollection;
  readonly files: mongo.Collection<FileDocument>;
  readonly chunks: mongo.Collection<ChunkDocument>;
  readonly messages: mongo.Collection<MessageDocument>;
  readonly facts: ServerFacts;
  /** Whether `records` is inside a transaction, which a duplicate would end. */
  readonly transactional: boolean;
  /** Whether the driver sends a write again whose answer was lost. */
  readonly resends: boolean;
  /** The present by the server's clock, or the one of the options. */
  readonly now: () => number;
  /** Sees to it that chunks are found by their file. */
  readonly prepareFiles: () => Promise<void>;
  /** Closes the connection where it is the store's own. */
  close(): Promise<void>;
}

/** Keeps the difference between the server's clock and this machine's, as each heartbeat tells it. */
class ServerClock {
  #ahead: number;
  readonly #listen = ({ reply }: { readonly reply: mongo.BSON.Document }): void => {
    this.#hear(reply['localTime']);
  };

  constructor(client: mongo.MongoClient, localTime: unknown) {
    this.#ahead = 0;
    this.#hear(localTime);
    client.on('serverHeartbeatSucceeded', this.#listen);
  }

  #hear(localTime: unknown): void {
    const time = new Date(localTime as Date).getTime();
    if (Number.isFinite(time)) this.#ahead = time - Date.now();
  }

  readonly now = (): number => Date.now() + this.#ahead;

  stop(client: mongo.MongoClient): void {
    client.off('serverHeartbeatSucceeded', this.#listen);
  }
}

/** Whether the driver may send a write again: only where the server knows the second for the first. */
function mayRetry({ engine }: ServerFacts): boolean {
  return engine === 'MongoDB';
}

interface Connected {
  readonly client: mongo.MongoClient;
  readonly database: string;
  readonly facts: ServerFacts;
  close(): Promise<void>;
}

async function connectOwn(settings: MongoSettings, database: string, retryWrites: boolean): Promise<Connected> {
  const { default: mongoose } = await import('mongoose');
  const connection = mongoose.createConnection(settings.url, {
    autoIndex: false,
    autoCreate: false,
    bufferCommands: false,
    serverSelectionTimeoutMS: settings.connectTimeoutMs,
    connectTimeoutMS: settings.connectTimeoutMs,
    waitQueueTimeoutMS: settings.connectTimeoutMs,
    ...(settings.poolSize !== undefined && { maxPoolSize: settings.poolSize }),
    ...(!retryWrites && { retryWrites }),
    appName: 'storage',
  });
  const close = (): Promise<void> => connection.close();
  try {
    await connection.asPromise();
    const client = connection.getClient();
    return { client, database, facts: await examineServer(client.db(database)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function connect(settings: MongoSettings): Promise<Connected> {
  const { connection, database } = settings;
  if (connection !== undefined) {
    const client = (await connection.asPromise()).getClient();
    const name = database ?? connection.name;
    return { client, database: name, facts: await examineServer(client.db(name)), close: async () => undefined };
  }
  if (database === undefined) throw new StorageError({ code: 'internal', message: 'No database was chosen.' });
  const first = await connectOwn(settings, database, true);
  // The driver sends writes again only to what calls itself a replica set.
  if (mayRetry(first.facts) || first.facts.topology === 'standalone') return first;
  await first.close();
  return connectOwn(settings, database, false);
}

/** Connects, and looks at what there is. */
export async function openMongo(settings: MongoSettings): Promise<MongoStore> {
  const { collection, writeConcern, readConcern } = settings;
  const { client, database, facts, close } = await connect(settings);
  const clock = settings.clock === undefined ? new ServerClock(client, facts.localTime) : undefined;
  const db = client.db(database, {
    // What was acknowledged is read, wherever the connection would read from.
    readPreference: 'primary',
    ...(writeConcern !== undefined && { writeConcern: { w: writeConcern } }),
    ...(readConcern !== undefined && { readConcern: { level: readConcern } as mongo.ReadConcern }),
  });
  const chunks = db.collection<ChunkDocument>(`${collection}.chunks`);
  let prepared = settings.migrate !== 'auto';
  return {
    client,
    db,
    records: db.collection(collection),
    files: db.collection(`${collection}.files`),
    chunks,
    prepareFiles: async () => {
      // The index of GridFS. Only who stores streams has to pay for it.
      if (!prepared) await chunks.createIndex({ files_id: 1, n: 1 }, { unique: true });
      prepared = true;
    },
    messages: db.collection(`${collection}.messages`),
    facts,
    transactional: false,
    resends: facts.topology !== 'standalone' && client.options.retryWrites !== false,
    now: settings.clock ?? clock?.now ?? Date.now,
    close: async () => {
      clock?.stop(client);
      await close();
    },
  };
}
