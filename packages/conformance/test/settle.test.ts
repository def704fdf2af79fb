import { describe, expect, it } from '@jest/globals';
import type { Backend, VectorCollection } from '@storage/core';
import type { Harness } from '../src/harness.ts';
import { original, settled } from '../src/settle.ts';

type Call = readonly [name: string, ...parameters: unknown[]];

/** A facet that notes every call. */
function noting(calls: Call[], path: string): object {
  const members: Record<string, unknown> = {};
  for (const name of [
    'retrieve',
    'store',
    'get',
    'search',
    'count',
    'upsert',
    'delete',
    'deleteWhere',
    'getCollection',
  ])
    members[name] = async (...parameters: unknown[]) => void calls.push([`${path}.${name}`, ...parameters]);
  members['dropNamespace'] = members['count'];
  members['iterate'] = async function* () {
    calls.push([`${path}.iterate`]);
    yield 1;
  };
  members['collection'] = (name: string) => noting(calls, `${path}/${name}`);
  members['namespace'] = (name: string) => noting(calls, `${path}/${name}`);
  return members;
}

function eventual(shared: boolean): { readonly calls: Call[]; readonly made: Backend; readonly backend: Backend } {
  const calls: Call[] = [];
  const made = { records: noting(calls, 'records'), vectors: noting(calls, 'vectors') } as unknown as Backend;
  const settle = async (): Promise<void> => void calls.push(['settle']);
  return { calls, made, backend: settled(made, { settle } as unknown as Harness, () => shared) };
}

function collectionOf({ vectors }: Backend): VectorCollection {
  if (vectors === undefined) throw new Error('it has vectors');
  return vectors.collection('c').namespace('n');
}

async function iterateAll(collection: VectorCollection): Promise<void> {
  for await (const document of collection.iterate()) expect(document).toBe(1);
}

describe('a backend that is eventually consistent', () => {
  it('has the kit settle before reads of records, and of nothing else', async () => {
    const { calls, backend } = eventual(false);
    await backend.records?.store('k', 1);
    await backend.records?.retrieve('k');
    expect(calls).toEqual([['records.store', 'k', 1], ['settle'], ['records.retrieve', 'k']]);
  });

  it('is told to wait by its own writes of vectors, so that their reads prove it', async () => {
    const { calls, backend } = eventual(false);
    const collection = collectionOf(backend);
    const waitFor = 'visible';
    await collection.upsert([]);
    await collection.upsert([], { timeoutMs: 5 });
    await collection.delete(['a']);
    await collection.deleteWhere({});
    await collection.upsert([], { waitFor: 'other' as never });
    await collection.upsert([], null as never);
    await collection.get(['a']);
    await collection.count();
    await iterateAll(collection);
    expect(calls).toEqual([
      ['vectors/c/n.upsert', [], { waitFor }],
      ['vectors/c/n.upsert', [], { waitFor, timeoutMs: 5 }],
      ['vectors/c/n.delete', ['a'], { waitFor }],
      ['vectors/c/n.deleteWhere', {}, { waitFor }],
      ['vectors/c/n.upsert', [], { waitFor: 'other' }],
      ['vectors/c/n.upsert', [], null],
      ['vectors/c/n.get', ['a']],
      ['vectors/c/n.count'],
      ['vectors/c/n.iterate'],
    ]);
  });

  it('is settled where another backend may have written, and before its collections are told', async () => {
    const { calls, backend } = eventual(true);
    const collection = collectionOf(backend);
    await collection.get(['a']);
    await iterateAll(collection);
    await backend.vectors?.getCollection('c');
    expect(calls.map(([name]) => name)).toEqual([
      'settle',
      'vectors/c/n.get',
      'settle',
      'vectors/c/n.iterate',
      'settle',
      'vectors.getCollection',
    ]);
  });

  it('is known as it was made', () => {
    const { made, backend } = eventual(false);
    expect(backend).not.toBe(made);
    expect(original(backend)).toBe(made);
    expect(settled(made, {} as unknown as Harness, () => false)).toBe(made);
  });
});
