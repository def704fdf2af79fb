import mongoose from 'mongoose';
import type { DockerRecipe, Facts } from './recipe.ts';

/** Of MongoDB itself its version; of another maker's engine its name too, and what it is built on. */
export async function probeMongo(url: string): Promise<Facts> {
  const client = new mongoose.mongo.MongoClient(url, { serverSelectionTimeoutMS: 5_000, connectTimeoutMS: 5_000 });
  try {
    await client.connect();
    const info = await client.db('admin').command({ buildInfo: 1 });
    const engine: unknown = info['ferretdb']?.version;
    const version = typeof engine === 'string' ? `FerretDB ${engine.replace(/^v/, '')}` : String(info['version']);
    return { version, nodes: client.options.hosts.map(({ host, port }) => `${host ?? '127.0.0.1'}:${port ?? 27_017}`) };
  } finally {
    await client.close();
  }
}

/** The real one: a replica set of one member, which has transactions and change streams. */
export const mongoDocker: DockerRecipe = {
  services: ['mongo'],
  // Directly, as the member is known to the set by an address inside its container.
  url: async (port) => `mongodb://127.0.0.1:${await port('mongo', 27_017)}/?directConnection=true`,
};
