import type { Backend } from '@storage/core';
import type { Harness } from './harness.ts';

const recordReads: ReadonlySet<PropertyKey> = new Set([
  'retrieve',
  'retrieveText',
  'retrieveStream',
  'retrieveMany',
  'exists',
  'list',
  'query',
  'count',
  'namespaces',
]);
const vectorReads: ReadonlySet<PropertyKey> = new Set(['get', 'search', 'searchByText', 'count']);
const collectionReads: ReadonlySet<PropertyKey> = new Set(['getCollection', 'listCollections']);
/** Writes of documents, and where their options stand. */
const vectorWrites: ReadonlyMap<PropertyKey, number> = new Map([
  ['upsert', 1],
  ['upsertTexts', 1],
  ['delete', 1],
  ['deleteWhere', 1],
  ['dropNamespace', 0],
]);
const handles: ReadonlySet<PropertyKey> = new Set(['namespace', 'collection']);

type Call = (...parameters: unknown[]) => unknown;

/** A facet whose calls `wrap` changes, where it answers one. Its handles are such facets too. */
function wrapped<T extends object>(facet: T, wrap: (name: PropertyKey, call: Call) => Call | undefined): T {
  return new Proxy(facet, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      const call = member.bind(target) as Call;
      if (handles.has(name)) return (...parameters: unknown[]) => wrapped(call(...parameters) as object, wrap);
      return wrap(name, call) ?? call;
    },
  });
}

type Settle = () => Promise<void>;

function settledFirst(call: Call, settle: Settle): Call {
  return async (...parameters) => {
    await settle();
    return call(...parameters);
  };
}

/** What `iterate` answers, which begins when it is asked for the first document. */
function settledIterate(call: Call, settle: Settle): Call {
  return async function* (...parameters) {
    await settle();
    yield* call(...parameters) as AsyncIterable<unknown>;
  };
}

/** Records whose reads wait until what was written can be read. */
function settledRecords<T extends object>(records: T, settle: Settle): T {
  return wrapped(records, (name, call) => (recordReads.has(name) ? settledFirst(call, settle) : undefined));
}

/** A write that resolves when this backend's reads see it. */
function waiting(call: Call, at: number): Call {
  return (...parameters) => {
    const given = parameters[at];
    // What is no object is refused as it is.
    if (given !== undefined && (typeof given !== 'object' || given === null)) return call(...parameters);
    const all = [...parameters];
    all[at] = { waitFor: 'visible', ...given };
    return call(...all);
  };
}

/**
 * Vectors whose writes say `waitFor: 'visible'`, so that their own reads need nothing else. Only what a backend can't wait for is settled:
 * what another one wrote, and which collections there are.
 */
function waitingVectors<T extends object>(vectors: T, settle: Settle, shared: () => boolean): T {
  const settleShared = async (): Promise<void> => {
    if (shared()) await settle();
  };
  return wrapped(vectors, (name, call) => {
    const at = vectorWrites.get(name);
    if (at !== undefined) return waiting(call, at);
    if (collectionReads.has(name)) return settledFirst(call, settle);
    if (vectorReads.has(name)) return settledFirst(call, settleShared);
    return name === 'iterate' ? settledIterate(call, settleShared) : undefined;
  });
}

const originals = new WeakMap<Backend, Backend>();

/** The backend as the harness made it. */
export function original(backend: Backend): Backend {
  return originals.get(backend) ?? backend;
}

/**
 * For a harness with `settle`: the backend, whose reads see what was written before them. Otherwise the backend itself. `shared` tells
 * whether others write to the same store.
 */
export function settled(backend: Backend, harness: Harness, shared: () => boolean): Backend {
  const { settle } = harness;
  if (settle === undefined) return backend;
  const wait = (): Promise<void> => settle(backend);
  const proxy: Backend = new Proxy(backend, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member === 'function') return member.bind(target);
      if (typeof member !== 'object' || member === null) return member;
      if (name === 'records') return settledRecords(member, wait);
      return name === 'vectors' ? waitingVectors(member, wait, shared) : member;
    },
  });
  originals.set(proxy, backend);
  return proxy;
}
