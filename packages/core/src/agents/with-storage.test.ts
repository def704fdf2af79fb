import { afterEach, describe, expect, test } from '@jest/globals';
import { stubBackend } from '../../test/stub-backend.ts';
import {
  createRegistry,
  DataManager,
  type DataReference,
  getDataManager,
  resetDataManager,
  StorageError,
} from '../index.ts';
import { requiresStorage, storageEnabled, storageOf } from './with-storage.ts';

const setUp = (): DataManager =>
  new DataManager({ registry: createRegistry(), env: {} })
    .registerProvider('filesystem', stubBackend())
    .registerProvider('redis', stubBackend());

afterEach(() => resetDataManager());

describe('storageEnabled', () => {
  test('as a wrapper gives the function .storage, confined to the named providers', async () => {
    const dataManager = setUp();
    const agent = storageEnabled({ providers: ['file_system'], dataManager })(
      async (text: string): Promise<DataReference> => agent.storage.store('filesystem', { text }),
    );
    const ref = await agent('hello');
    expect(await agent.storage.retrieve(ref)).toEqual({ text: 'hello' });
    await expect(agent.storage.store('redis', 1)).rejects.toMatchObject({
      code: 'permission_denied',
      message: expect.stringContaining('a function with file_system may not use provider'),
    });
  });

  test('as a decorator keeps this, name and parameters', async () => {
    const dataManager = setUp();
    class Agent {
      readonly prefix = 'p:';
      @storageEnabled({ providers: ['redis'], dataManager })
      async handle(text: string) {
        return storageOf(this.handle).store('redis', this.prefix + text);
      }
    }
    const agent = new Agent();
    expect(await dataManager.retrieve(await agent.handle('x'))).toBe('p:x');
    expect([agent.handle.name, agent.handle.length]).toEqual(['handle', 1]);
  });

  test('keeps what the function carried and what it answers at once', () => {
    const target = Object.assign((n: number) => n + 1, { agentName: 'adder' });
    const wrapped = storageEnabled({ providers: [] })(target);
    expect(wrapped(1)).toBe(2);
    expect(wrapped.agentName).toBe('adder');
  });

  test('uses the process’s own DataManager as it is when it is called', async () => {
    const agent = storageEnabled({ providers: ['redis'] })(
      async (): Promise<DataReference> => agent.storage.store('redis', 1, { key: 'k' }),
    );
    getDataManager().registerProvider('redis', stubBackend());
    await agent();
    expect(await getDataManager().retrieveByKey('redis', 'k')).toBe(1);
  });

  test('twice: the outer one decides', async () => {
    const dataManager = setUp();
    const twice = storageEnabled({ providers: ['redis'], dataManager })(
      storageEnabled({ providers: ['filesystem'], dataManager })(async () => 1),
    );
    await expect(twice.storage.store('filesystem', 1)).rejects.toMatchObject({ code: 'permission_denied' });
    expect(await twice()).toBe(1);
  });

  test('storageOf refuses a function without it', () => {
    expect(() => storageOf(() => 1)).toThrow(/storageEnabled wrapped/);
  });
});

describe('requiresStorage', () => {
  const broken = stubBackend({
    before: () => {
      throw new StorageError({ code: 'unavailable', message: 'Could not connect to Redis' });
    },
  });

  test('runs the body when all is there, degraded or healthy', async () => {
    const dataManager = setUp().registerProvider('slow', stubBackend({ status: 'degraded' }));
    const agent = requiresStorage({ providers: ['redis', 'slow', 'file_system'], dataManager })(
      async (n: number) => n * 2,
    );
    expect(await agent(4)).toBe(8);
  });

  test('fails before the body runs, naming each provider that is missing or unhealthy', async () => {
    let runs = 0;
    const dataManager = setUp()
      .registerProvider('redis', broken, { replace: true })
      .registerProvider('s3', stubBackend({ status: 'unhealthy' }));
    const agent = requiresStorage({ providers: ['filesystem', 'postgresql', 'redis', 's3', 'mine'], dataManager })(
      async () => ++runs,
    );
    await expect(agent()).rejects.toMatchObject({
      code: 'not_registered',
      message:
        'required storage: not registered: postgresql, mine; unhealthy: redis (Could not connect to Redis), s3 (unhealthy). Register or start them.',
      details: { missing: ['postgresql', 'mine'], unhealthy: ['redis (Could not connect to Redis)', 's3 (unhealthy)'] },
    });
    const only = requiresStorage({ providers: ['redis'], dataManager })(async () => ++runs);
    await expect(only()).rejects.toMatchObject({ code: 'unavailable', details: { missing: [] } });
    expect(runs).toBe(0);
  });

  test('as a decorator, together with storageEnabled', async () => {
    const dataManager = setUp();
    class Agent {
      readonly seen: string[] = [];
      @requiresStorage({ providers: ['redis'], dataManager })
      @storageEnabled({ providers: ['redis'], dataManager })
      async handle(text: string) {
        this.seen.push(text);
        return storageOf(this.handle).store('redis', text);
      }
    }
    const agent = new Agent();
    expect(await dataManager.retrieve(await agent.handle('x'))).toBe('x');
    dataManager.registerProvider('redis', broken, { replace: true });
    await expect(agent.handle('y')).rejects.toMatchObject({ code: 'unavailable' });
    expect(agent.seen).toEqual(['x']);
  });
});
