import { randomUUID } from 'node:crypto';
import { Client } from 'minio';
import { nodeOf } from './http-server.ts';
import type { Facts } from './recipe.ts';

/** Whom our own servers let in; they listen on the loopback alone. */
export const s3Account = { user: 'testaccess', password: 'testsecret123' } as const;

export function s3Url(port: number): string {
  return `http://${s3Account.user}:${s3Account.password}@127.0.0.1:${port}`;
}

function connectS3(url: string): Client {
  const { protocol, hostname, port, username, password } = new URL(url);
  return new Client({
    endPoint: hostname,
    ...(port === '' ? {} : { port: Number(port) }),
    useSSL: protocol === 'https:',
    accessKey: decodeURIComponent(username),
    secretKey: decodeURIComponent(password),
    region: 'us-east-1',
    // Its caller asks again.
    retryOptions: { disableRetry: true },
  });
}

/** Asks for the buckets, so that wrong keys are told. `versionOf` is called with the server's address, without keys. */
export async function probeS3(url: string, versionOf: (address: URL) => Promise<string>): Promise<Facts> {
  const { origin } = new URL(url);
  const version = await versionOf(new URL(origin));
  await connectS3(url).listBuckets();
  return { version, nodes: [nodeOf(url)] };
}

/** Makes, fills and removes a bucket; throws where that is not possible (yet). */
export async function takesObjects(url: string): Promise<void> {
  const client = connectS3(url);
  const bucket = `ready-${randomUUID()}`;
  await client.makeBucket(bucket);
  try {
    await client.putObject(bucket, 'object', 'x');
    await client.removeObject(bucket, 'object');
  } finally {
    await client.removeBucket(bucket);
  }
}
