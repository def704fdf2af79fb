// Records in MongoDB, or in what speaks its protocol.
import { randomBytes } from 'node:crypto';
import { createMongo } from '@storage/mongo';
import { leaseService } from '@storage/services';
import mongoose from 'mongoose';
import { openRawMongo } from '../../raw/mongo.ts';
import type { Suite } from '../suite.ts';
import { type Goals, type OpenServer, querySuite, recordSuite } from './server-records.ts';

const poolSize = 10;
const goals: Goals = {
  get: [0.9, 1.5],
  set: [0.9, 1.5],
  delete: [0.9, 1.5],
  getMany: 0.9,
  setMany: 0.9,
  page: 0.85,
  filter: 0.85,
};

const open: OpenServer = async (field) => {
  const service = await leaseService('mongo');
  if (service.how === 'absent') throw new Error(`MongoDB is absent here: ${service.why}`);
  const { url } = service;
  const name = `storage_bench_${randomBytes(6).toString('hex')}`;
  const raw = await openRawMongo(url, name, field, poolSize);
  const fields = field === undefined ? [] : [`data.${field}`];
  const backend = createMongo({ url, database: name, poolSize, fields });
  await backend.open();
  return {
    raw,
    ours: backend.records,
    async close() {
      await raw.close();
      await backend.close();
      const client = new mongoose.mongo.MongoClient(url);
      await client.db(name).dropDatabase();
      await client.close();
      await service.release();
    },
  };
};

export const mongoSuite: Suite = recordSuite('mongo', open, goals);
export const mongoQuerySuite: Suite = querySuite('mongo', open, goals);
