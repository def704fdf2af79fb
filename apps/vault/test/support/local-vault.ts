import { StorageManager } from '@storage/manager';
import type { InjectOptions } from 'fastify';
import { createVault, type VaultOptions, type VaultServer } from '../../src/index.ts';

/** What a request was answered. */
export interface Answer<T = never> {
  readonly status: number;
  readonly headers: { readonly [name: string]: unknown };
  readonly text: string;
  readonly body: T;
}

/** A Vault over a database in memory, in this process. */
export interface LocalVault {
  readonly app: VaultServer;
  readonly manager: StorageManager;
  /** Moves the clock. */
  advance(ms: number): void;
  request<T = never>(
    method: string,
    path: string,
    body?: unknown,
    headers?: { readonly [name: string]: string },
  ): Promise<Answer<T>>;
  close(): Promise<void>;
}

export async function localVault(options?: VaultOptions, path = ':memory:'): Promise<LocalVault> {
  let shift = 0;
  const manager = new StorageManager({ backend: 'sqlite', options: { path, clock: () => Date.now() + shift } });
  await manager.initialize();
  const app = await createVault(manager, options);
  await app.ready();
  return {
    app,
    manager,
    advance: (ms) => {
      shift += ms;
    },
    request: async (method, url, body, headers = {}) => {
      const {
        statusCode,
        headers: answered,
        payload,
      } = await app.inject({
        method: method as NonNullable<InjectOptions['method']>,
        url,
        headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const isJson = String(answered['content-type'] ?? '').includes('json');
      return {
        status: statusCode,
        headers: answered,
        text: payload,
        body: (isJson && payload !== '' ? JSON.parse(payload) : undefined) as never,
      };
    },
    close: async () => {
      await app.close();
      await manager.shutdown();
    },
  };
}
