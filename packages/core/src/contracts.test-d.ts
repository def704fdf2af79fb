import { storageEnabled, storageOf, type WithStorage } from './agents/with-storage.ts';
import type { Backend } from './backend.ts';
import { isRecordStore } from './backend.ts';
import type { Capabilities } from './capabilities.ts';
import type { DataAccess } from './data-access.ts';
import { DataManager } from './data-manager.ts';
import { definePlugin } from './plugin.ts';
import type { RecordStore } from './records.ts';
import type { DataReference } from './reference.ts';
import { createRegistry, type Registry } from './registry.ts';
import type { VectorStore } from './vectors.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const equal = <A, B>(same: Equal<A, B>): boolean => same;

interface RedisBackend extends Backend {
  readonly records: RecordStore;
}
declare const backend: RedisBackend;
interface RedisOptions {
  host: string;
  port?: number;
}
const redis = definePlugin({
  name: 'redis',
  contract: 1,
  fromEnv: (): RedisOptions => ({ host: 'a' }),
  create: (_: RedisOptions) => backend,
});
const s3 = definePlugin({
  name: 's3',
  contract: 1,
  fromEnv: () => ({ bucket: 'a' }),
  create: (_: { bucket: string }): Backend => backend,
});

// A registry is typed by the values it was made of.
const registry = createRegistry([redis]).use(s3);
equal<ReturnType<typeof redis.create>, RedisBackend>(true);
export const made: RecordStore = registry.create('redis', { host: 'a', port: 1 }).records;
export const other: Backend = registry.create('s3', { bucket: 'b' });
// @ts-expect-error an option of another plugin
registry.create('redis', { bucket: 'b' });
// @ts-expect-error an option that there isn't
registry.create('redis', { host: 'a', prot: 1 });
// @ts-expect-error an option of a wrong type
registry.create('redis', { host: 1 });
// @ts-expect-error a name that is not registered
registry.create('postgres', { host: 'a' });
// @ts-expect-error a plugin for another contract
definePlugin({ ...redis, contract: 2 });
// A registry whose plugins are not known by type takes any name; a DataManager takes any registry.
declare const wide: Registry;
export const fromWide: Backend = wide.create('anything', 1);
new DataManager({ registry });

// Facets are there or not; a whole record store is told apart.
declare const some: Backend<Capabilities>;
equal<typeof some.vectors, VectorStore | undefined>(true);
// @ts-expect-error keyed records have no query
some.records?.query();
export const whole = isRecordStore(some.records) ? some.records.query({ limit: 1 }) : undefined;

// Data comes back as what the caller says it is, else as JSON.
declare const dm: DataManager;
interface User {
  name: string;
}
export const user: Promise<User | undefined> = dm.retrieveByKey<User>('redis', 'a');
export const many: Promise<readonly User[]> = dm.query<User>('redis', { 'metadata.kind': 'user' });
export const found = async (): Promise<[string, number, DataReference] | undefined> => {
  const [first] = await dm.search<User>('redis', new Float32Array(2), { filter: { 'data.name': 'x' } });
  return first && [first[0].name, first[1], first[2]];
};
// @ts-expect-error a filter starts at the record
void dm.query('redis', { event_type: 'x' });
// @ts-expect-error metadata is JSON
void dm.store('redis', {}, { metadata: { f: () => 1 } });
// @ts-expect-error the provider's name is text
void dm.store(1, {});
void dm.store('redis', { name: 'x', when: new Date() } satisfies object, { ttlMs: 5 });

// A wrapper keeps the function's type and adds `.storage`.
const wrapped = storageEnabled({ providers: ['redis'] })(async (name: string, times?: number) =>
  name.repeat(times ?? 1),
);
export const called: Promise<string> = wrapped('a', 2);
export const access: DataAccess = wrapped.storage;
equal<typeof wrapped, ((name: string, times?: number) => Promise<string>) & WithStorage>(true);
// @ts-expect-error a wrong argument
void wrapped(1);

export class Agent {
  readonly prefix = 'x';

  @storageEnabled({ providers: ['redis'] })
  async handle(input: { text: string }): Promise<DataReference> {
    return storageOf(this.handle).store('redis', this.prefix + input.text);
  }
}
export const handled: Promise<DataReference> = new Agent().handle({ text: 'a' });
// @ts-expect-error the method keeps its parameters
void new Agent().handle('a');
