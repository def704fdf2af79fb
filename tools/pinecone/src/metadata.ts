import { invalid } from './errors.ts';

export type MetadataValue = string | number | boolean | readonly string[];
export type Metadata = Readonly<Record<string, MetadataValue>>;

const maxMetadataBytes = 40_960;

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((element) => typeof element === 'string');
}

/** How the vendor's messages quote a value: JSON, cut after 16 characters. */
function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.length > 16 ? `${text.slice(0, 16)}...` : text;
}

/**
 * The bytes that count against the limit of 40 KB. The vendor does not say in which form it counts; JSON is taken.
 */
export function metadataBytes(metadata: Metadata | undefined): number {
  return metadata === undefined ? 0 : Buffer.byteLength(JSON.stringify(metadata));
}

/**
 * Checks the rules of https://docs.pinecone.io/guides/index-data/indexing-overview#metadata-format: a flat object;
 * keys that don't begin with `$`; strings, numbers, booleans and lists of strings; no nulls; 40 KB at most.
 */
export function checkMetadata(metadata: object): Metadata {
  for (const [field, value] of Object.entries(metadata) as [string, unknown][]) {
    if (field.startsWith('$')) throw invalid(`Metadata key must not start with '$', got '${field}'`);
    const scalar = typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
    if (!scalar && !isStrings(value)) {
      throw invalid(
        `Metadata value must be a string, number, boolean or list of strings, got '${quoted(value)}' for field '${field}'`,
      );
    }
  }
  const checked = metadata as Metadata;
  const bytes = metadataBytes(checked);
  if (bytes > maxMetadataBytes) {
    throw invalid(`Metadata size is ${bytes} bytes, which exceeds the limit of ${maxMetadataBytes} bytes per vector`);
  }
  return checked;
}

/** The metadata after an update: the fields that are set replace those of the same name, all others stay. */
export function mergeMetadata(old: Metadata | undefined, set: Metadata): Metadata {
  // From entries, so that a field named `__proto__` is a field like any other.
  return Object.fromEntries([...Object.entries(old ?? {}), ...Object.entries(set)]);
}
