import {
  type Call,
  type InfoRow,
  stepFailed,
  type TransactionDriver,
  type TransactionStep,
} from '@storage/backend-kit';
import type { mongo } from 'mongoose';
import type { RecordCollection } from './mongo-documents.ts';
import { translateFor, translateMongo } from './mongo-errors.ts';
import type { MongoFilter } from './mongo-filter.ts';
import { MongoRecords } from './mongo-records.ts';
import type { MongoStore } from './mongo-store.ts';

/** Where the operations of a collection that are used here take their options. */
const optionsAt: { readonly [operation: string]: number } = {
  aggregate: 1,
  bulkWrite: 1,
  countDocuments: 1,
  deleteMany: 1,
  deleteOne: 1,
  find: 1,
  findOne: 1,
  findOneAndUpdate: 2,
  replaceOne: 2,
  updateMany: 2,
  updateOne: 2,
};

type Operation = (...parameters: unknown[]) => unknown;
type Turn = <T>(work: () => Promise<T>) => Promise<T>;

/** A cursor whose answer is asked for when it is its turn. */
function cursorInTurn(cursor: object, turn: Turn): object {
  return new Proxy(cursor, {
    get(target, name, proxy) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      const operation = member.bind(target) as Operation;
      if (name === 'toArray' || name === 'next') {
        return (...parameters: unknown[]) => turn(async () => operation(...parameters));
      }
      return (...parameters: unknown[]) => {
        operation(...parameters);
        return proxy as unknown;
      };
    },
  });
}

/** A collection whose operations belong to a session, which takes one after the other. */
function inSession(records: RecordCollection, session: mongo.ClientSession): RecordCollection {
  let last: Promise<unknown> = Promise.resolve();
  const turn: Turn = (work) => {
    const running = last.then(work);
    last = running.catch(() => undefined);
    return running;
  };
  return new Proxy(records, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      const at = optionsAt[String(name)];
      if (typeof member !== 'function' || at === undefined) return member;
      const operation = member.bind(target) as Operation;
      return (...parameters: unknown[]) => {
        const options = { ...(parameters[at] as object | undefined), session };
        const all = [...parameters.slice(0, at), options];
        if (name === 'find' || name === 'aggregate') return cursorInTurn(operation(...all) as object, turn);
        return turn(async () => operation(...all));
      };
    },
  });
}

/** Transactions in a session of the server. `open` has seen that they are real. */
export class MongoTransactions implements TransactionDriver<MongoFilter> {
  readonly #records: MongoRecords;
  #store!: MongoStore;

  constructor(records: MongoRecords) {
    this.#records = records;
  }

  /** Gives it a store to work on: no call comes before. */
  attach(store: MongoStore): void {
    this.#store = store;
  }

  run(steps: readonly TransactionStep[], call: Call): Promise<readonly (InfoRow | boolean)[]> {
    return this.with(async (records) => {
      const results: (InfoRow | boolean)[] = [];
      for (const [index, step] of steps.entries()) {
        call.check();
        try {
          results.push(
            step.type === 'write'
              ? await records.write(step.ns, step.row, call)
              : await records.remove(step.ns, step.key, step.etag, step.report, call),
          );
        } catch (error) {
          const key = step.type === 'write' ? step.row.key : step.key;
          throw stepFailed(translateMongo(error, { operation: 'transactions.run', key, write: true }), index);
        }
      }
      return results;
    }, call);
  }

  /** What was written before is there when the transaction begins. */
  with<T>(body: (records: MongoRecords) => Promise<T>, call: Call): Promise<T> {
    return this.#records.behindAll(call, () => this.#inside(body));
  }

  async #inside<T>(body: (records: MongoRecords) => Promise<T>): Promise<T> {
    const session = this.#store.client.startSession();
    try {
      session.startTransaction({
        readConcern: { level: 'snapshot' },
        writeConcern: { w: 'majority' },
        readPreference: 'primary',
      });
      const records = new MongoRecords();
      const bound = {
        ...this.#store,
        records: inSession(this.#store.records, session),
        transactional: true,
        resends: false,
      };
      records.attach(bound, () => undefined);
      let result: T;
      try {
        result = await body(records);
      } catch (error) {
        // One that the server has ended already has nothing to give up.
        await session.abortTransaction().catch(() => undefined);
        throw error;
      }
      try {
        await session.commitTransaction();
      } catch (error) {
        // The driver sends every commit twice.
        throw translateFor({ resends: true })(error, { operation: 'transactions.run', key: undefined, write: true });
      }
      return result;
    } finally {
      await session.endSession();
    }
  }
}
