import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import type { PostgresOptions } from '@storage/postgres';
import { createQdrant, type QdrantOptions } from '@storage/qdrant';
import { createRedis, type RedisOptions } from '@storage/redis';
import type { S3Options } from '@storage/s3';
import { isRequired, leaseService, type Service, type ServiceName } from '@storage/services';
import { dropSchemas } from '@storage/services/testing';
import { Client as MinioClient } from 'minio';

/** What tests made on the servers and in folders, to be removed after them. */
const rooms: (() => Promise<void> | void)[] = [];

async function lease(name: ServiceName): Promise<Service | undefined> {
  const found = await leaseService(name);
  if (found.how === 'absent') {
    if (isRequired(name)) throw new Error(`STORAGE_REQUIRE names ${name}, and it is absent: ${found.why}`);
    return undefined;
  }
  rooms.push(() => found.release());
  return found;
}

/** The servers of the guide's providers; `undefined`: absent on this machine. */
export const [postgres, redis, s3, qdrant] = await Promise.all([
  lease('postgres'),
  lease('redis'),
  lease('minio'),
  lease('qdrant'),
]);

afterAll(async () => {
  // The leases were taken first.
  for (const remove of rooms.toReversed()) await remove();
});

const randomName = (): string => `guide-${randomBytes(6).toString('hex')}`;

/** A folder of its own. */
export function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'guide-'));
  rooms.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The options of the guide, and a schema of its own. */
export function ownPostgres({ url }: Service): PostgresOptions & { readonly schema: string } {
  const { hostname, port, pathname, username, password } = new URL(url);
  const schema = randomName();
  rooms.push(() => dropSchemas(url, [schema]));
  return {
    host: hostname,
    port: Number(port),
    database: decodeURIComponent(pathname.slice(1)),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    schema,
  };
}

/** The options of the guide, and a prefix of its own. */
export function ownRedis({ url }: Service): RedisOptions & { readonly prefix: string } {
  const { hostname, port, password } = new URL(url);
  const own = {
    host: hostname,
    port: Number(port),
    db: 0,
    ...(password !== '' && { password: decodeURIComponent(password) }),
    prefix: randomName(),
  };
  rooms.push(async () => {
    await using backend = createRedis(own);
    await backend.open();
    await backend.records.dropNamespace({ recursive: true });
  });
  return own;
}

/** The options of the guide, and a prefix of its own. */
export function ownQdrant({ url }: Service, vectorSize: number): QdrantOptions {
  const prefix = `${randomName()}-`;
  rooms.push(async () => {
    await using backend = createQdrant({ url, prefix });
    await backend.open();
    const { items } = await backend.vectors.listCollections();
    for (const { name } of items) await backend.vectors.deleteCollection(name);
  });
  return { url, collectionName: 'praval_vectors', vectorSize, prefix };
}

/** The options of the guide, for a server that is not AWS, and a bucket of its own. */
export function ownS3({ url }: Service): S3Options {
  const { hostname, port, username, password } = new URL(url);
  const bucketName = randomName();
  const accessKeyId = decodeURIComponent(username);
  const secretAccessKey = decodeURIComponent(password);
  rooms.push(async () => {
    const keys = { accessKey: accessKeyId, secretKey: secretAccessKey };
    const client = new MinioClient({ endPoint: hostname, port: Number(port), useSSL: false, ...keys });
    if (!(await client.bucketExists(bucketName))) return;
    const names: string[] = [];
    for await (const { name } of client.listObjectsV2(bucketName, '', true)) names.push(name);
    await client.removeObjects(bucketName, names);
    await client.removeBucket(bucketName);
  });
  return {
    bucketName,
    accessKeyId,
    secretAccessKey,
    region: 'us-east-1',
    endpoint: `http://${hostname}:${port}`,
  };
}
