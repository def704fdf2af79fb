import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { isObject, type JsonObject } from './json.ts';

/** The vendors whose requests are checked. */
export type Vendor = 'qdrant' | 'chroma' | 'pinecone-control' | 'pinecone-data';

interface Source {
  readonly file: string;
  /** Written by a generator that says `oneOf` where variants overlap. */
  readonly overlapping: boolean;
  /** A request names the document's version in this header. */
  readonly versionHeader?: string;
}

const pinecone = { overlapping: false, versionHeader: 'x-pinecone-api-version' };

const sources: { readonly [vendor in Vendor]: Source } = {
  qdrant: { file: 'qdrant-openapi.json', overlapping: false },
  chroma: { file: 'chroma-openapi.json', overlapping: true },
  'pinecone-control': { file: 'pinecone-db-control-2026-04.oas.yaml', ...pinecone },
  'pinecone-data': { file: 'pinecone-db-data-2026-04.oas.yaml', ...pinecone },
};

/** A vendor's document, as it was published. */
export interface OpenApiDocument extends Source {
  readonly vendor: Vendor;
  readonly version: string;
  readonly paths: JsonObject;
  readonly schemas: JsonObject;
}

export const vendors: readonly Vendor[] = ['qdrant', 'chroma', 'pinecone-control', 'pinecone-data'];

export function readDocument(vendor: Vendor): OpenApiDocument {
  const source = sources[vendor];
  const text = readFileSync(new URL(`../specs/${source.file}`, import.meta.url), 'utf8');
  const document: unknown = source.file.endsWith('.json') ? JSON.parse(text) : parse(text);
  if (!isObject(document)) throw new Error(`${source.file} holds no OpenAPI document.`);
  const { info, paths, components } = document;
  const schemas = isObject(components) ? components['schemas'] : undefined;
  if (!isObject(info) || !isObject(paths) || !isObject(schemas)) {
    throw new Error(`${source.file} lacks info, paths or components.schemas.`);
  }
  return { ...source, vendor, version: String(info['version']), paths, schemas };
}
