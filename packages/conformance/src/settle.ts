import type { Backend } from '@storage/core';
import type { Harness } from './harness.ts';

const reads: ReadonlySet<PropertyKey> = new Set([
  'retrieve',
  'retrieveText',
  'retrieveStream',
  'retrieveMany',
  'exists',
  'list',
  'query',
  'count',
  'namespaces',
  'get',
  'search',
  'getCollection',
  'listCollections',
]);
const handles: ReadonlySet<PropertyKey> = new Set(['namespace', 'collection']);

/** A facet whose reads wait until what was written can be read. */
function settledFacet<T extends object>(facet: T, settle: () => Promise<void>): T {
  return new Proxy(facet, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      if (handles.has(name))
        return (...parameters: unknown[]) => settledFacet(member.apply(target, parameters) as object, settle);
      if (!reads.has(name)) return member.bind(target);
      return async (...parameters: unknown[]) => {
        await settle();
        return member.apply(target, parameters) as unknown;
      };
    },
  });
}

const originals = new WeakMap<Backend, Backend>();

/** The backend as the harness made it. */
export function original(backend: Backend): Backend {
  return originals.get(backend) ?? backend;
}

/** For a harness with `settle`: the backend, whose reads see what was written before them. Otherwise the backend itself. */
export function settled(backend: Backend, harness: Harness): Backend {
  const { settle } = harness;
  if (settle === undefined) return backend;
  const wait = (): Promise<void> => settle(backend);
  const proxy: Backend = new Proxy(backend, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member === 'function') return member.bind(target);
      if ((name === 'records' || name === 'vectors') && typeof member === 'object' && member !== null)
        return settledFacet(member, wait);
      return member;
    },
  });
  originals.set(proxy, backend);
  return proxy;
}
