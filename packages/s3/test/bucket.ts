import { randomBytes } from 'node:crypto';
import type { Backend } from '@storage/core';
import { Client } from 'minio';
import { createS3, type S3Backend, type S3Options } from '../src/index.ts';

/** Options that lead to a server, from its URL. */
export function optionsOf(url: string): Pick<S3Options, 'accessKeyId' | 'secretAccessKey' | 'endpoint'> {
  const { protocol, host, username, password } = new URL(url);
  return {
    endpoint: `${protocol}//${host}`,
    accessKeyId: decodeURIComponent(username),
    secretAccessKey: decodeURIComponent(password),
  };
}

/** The client that a user would make. */
export function clientOf(url: string): Client {
  const { protocol, hostname, port, username, password } = new URL(url);
  return new Client({
    endPoint: hostname,
    port: Number(port),
    useSSL: protocol === 'https:',
    accessKey: decodeURIComponent(username),
    secretKey: decodeURIComponent(password),
    region: 'us-east-1',
  });
}

/** Stores of their own within one bucket that is removed with them. */
export class TestBucket {
  readonly name = `storage-test-${randomBytes(6).toString('hex')}`;
  readonly client: Client;
  readonly #url: string;
  readonly #prefixes = new WeakMap<Backend, string>();
  #count = 0;

  constructor(url: string) {
    this.#url = url;
    this.client = clientOf(url);
  }

  /** A store below a prefix that no other has. `url`: another way to the same server. */
  create(options: Partial<S3Options> = {}, url: string = this.#url): S3Backend {
    return this.#made(`t${(this.#count++).toString(36)}`, options, url);
  }

  /** Another store at the same place. */
  reopen(backend: Backend, options: Partial<S3Options> = {}, url: string = this.#url): S3Backend {
    return this.#made(this.prefixOf(backend), options, url);
  }

  prefixOf(backend: Backend): string {
    const prefix = this.#prefixes.get(backend);
    if (prefix === undefined) throw new Error('This store was not made here.');
    return prefix;
  }

  /** The names of all objects below this, `''` for the whole bucket. */
  async objects(prefix: string): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of this.client.listObjectsV2(this.name, prefix, true)) if (name) names.push(name);
    return names;
  }

  /** Removes what a store left. */
  async clear(prefix: string): Promise<void> {
    const names = await this.objects(prefix);
    if (names.length > 0) await this.client.removeObjects(this.name, names);
  }

  async remove(): Promise<void> {
    if (!(await this.client.bucketExists(this.name))) return;
    await this.clear('');
    await this.client.removeBucket(this.name);
  }

  #made(prefix: string, options: Partial<S3Options>, url: string): S3Backend {
    const backend = createS3({ bucketName: this.name, ...optionsOf(url), prefix, ...options });
    this.#prefixes.set(backend, prefix);
    return backend;
  }
}
