import {
  type DataManager,
  type DataReference,
  type DataStoreOptions,
  encodeJson,
  isByteStream,
  isBytes,
  type Storable,
  StorageError,
  type StorageKind,
  utf8Length,
} from '../index.ts';

/** Kinds that can stand in for one another, best first. */
const alternatives: { readonly [kind in 'vector' | 'object' | 'relational' | 'key_value']: readonly StorageKind[] } = {
  vector: ['vector', 'search'],
  object: ['object', 'file_system', 'document', 'relational', 'key_value', 'cache'],
  relational: ['relational', 'document', 'key_value', 'file_system', 'object', 'cache'],
  key_value: ['key_value', 'cache', 'relational', 'document', 'file_system', 'object'],
};

export interface PlacementOptions {
  /** From how many bytes of JSON text on data is an object rather than a record. Missing: 1 MiB. */
  readonly largeBytes?: number | undefined;
}

/** Numbers alone, more than one of them: a list, or a typed array that is not bytes. */
function isVector(data: unknown): boolean {
  const list = ArrayBuffer.isView(data) && !isBytes(data) ? Array.from(data as Float32Array) : data;
  return Array.isArray(list) && list.length > 1 && list.every((value) => typeof value === 'number');
}

/**
 * The kind of storage that fits the shape of data: a vector (numbers alone, or an object with `vector`) → `vector`; bytes, streams and
 * large JSON → `object`; objects and lists → `relational`; a scalar → `key_value`.
 */
export function placementOf(
  data: Storable | AsyncIterable<Uint8Array>,
  { largeBytes = 1024 ** 2 }: PlacementOptions = {},
): keyof typeof alternatives {
  if (isBytes(data) || isByteStream(data)) return 'object';
  if (isVector(data) || isVector((data as { vector?: unknown } | null)?.vector)) return 'vector';
  const text = encodeJson(data, 'data');
  if (utf8Length(text) >= largeBytes) return 'object';
  return /^[[{]/.test(text) ? 'relational' : 'key_value';
}

/** Stores data on the registered provider that fits it best; the first registered of the best kind. None: `not_registered`. */
export async function smartStore(
  dm: DataManager,
  data: Storable | AsyncIterable<Uint8Array>,
  options: DataStoreOptions & PlacementOptions = {},
): Promise<DataReference> {
  const { largeBytes, ...store } = options;
  const placement = placementOf(data, { largeBytes });
  const providers = dm.providers();
  for (const kind of alternatives[placement]) {
    const fitting = providers.find((provider) => provider.kind === kind);
    if (fitting !== undefined) return dm.store(fitting.name, isVector(data) ? { vector: data } : data, store);
  }
  throw new StorageError({
    code: 'not_registered',
    message: `no provider for ${placement} data; register one of kind ${alternatives[placement].join(', ')}.`,
    details: { kind: placement, registered: providers.map(({ name }) => name) },
  });
}
