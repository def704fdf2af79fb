import { randomToken, StorageError } from '@storage/core';
import type { MongoSettings } from './mongo-options.ts';
import { hasChangeStreams, hasTransactions } from './mongo-probe.ts';
import { ownId } from './mongo-schema.ts';
import type { MongoStore } from './mongo-store.ts';

function broken(option: 'transactions' | 'changeStreams', what: string, { facts }: MongoStore): StorageError {
  return new StorageError({
    code: 'unsupported',
    message: `The server (${facts.engine} ${facts.version}, ${facts.topology}) has no ${what}; leave \`${option}\` out, or connect to a replica set of MongoDB.`,
    applied: 'no',
    details: { path: option, engine: facts.engine, version: facts.version, topology: facts.topology },
  });
}

/** Sees whether the server has what the options promise: capabilities are told before it is reached. */
export async function checkPromises(store: MongoStore, { transactions, changeStreams }: MongoSettings): Promise<void> {
  const { client, db, records, messages } = store;
  if (changeStreams && !(await hasChangeStreams(db.collection(messages.collectionName)))) {
    throw broken('changeStreams', 'change streams', store);
  }
  // An id that no record has, behind the mark of the store.
  if (
    transactions &&
    !(await hasTransactions(client, db.collection(records.collectionName), `${ownId}\0${randomToken()}`))
  ) {
    throw broken('transactions', 'transactions that hold', store);
  }
}
