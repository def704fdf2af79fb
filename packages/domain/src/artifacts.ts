import {
  type CallOptions,
  type FacetToken,
  facetToken,
  type JsonObject,
  type MetadataInput,
  type Page,
  type PageOptions,
} from '@storage/core';
import { checkInteger, checkName, checkObject, maxPathBytes } from './checks.ts';
import type { MatchOptions } from './conditions.ts';
import type { DomainContext } from './context.ts';
import type { JsonDocument } from './json-document.ts';

/** What is known of a file that an agent made. The content lives elsewhere. */
export interface Artifact {
  /** `artifact_…` */
  readonly id: string;
  readonly conversationId: string;
  readonly name: string;
  /** The maker's word for what it is: `report`, `image/png`. */
  readonly type: string;
  /** A file or object key. Kept, never opened. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly createdAt: Date;
  readonly metadata: JsonDocument<JsonObject>;
  readonly etag: string;
}

export interface NewArtifact {
  readonly conversationId: string;
  readonly name: string;
  readonly type: string;
  /** At most 4,096 UTF-8 bytes. */
  readonly path: string;
  /** Bytes. Missing: 0. */
  readonly size?: number | undefined;
  /** Missing: `{}`. */
  readonly metadata?: MetadataInput | undefined;
}

export interface ArtifactStore {
  /** `not_found` when there is no such conversation. */
  create(artifact: NewArtifact, options?: CallOptions): Promise<Artifact>;
  /** `undefined` when there is none. */
  get(id: string, options?: CallOptions): Promise<Artifact | undefined>;
  /** Newest first. `not_found` when there is no such conversation. */
  list(conversationId: string, options?: PageOptions): Promise<Page<Artifact>>;
  /** Whether it was there. */
  delete(id: string, options?: MatchOptions): Promise<boolean>;
}

/** Asks a backend for artifacts. */
export const artifactsFacet: FacetToken<ArtifactStore> = facetToken('artifacts/1');

/** The artifact that a caller asks for, checked and complete. */
export function newArtifact(input: NewArtifact, context: DomainContext): Artifact {
  return {
    id: context.newId('artifact'),
    conversationId: checkName(input.conversationId, 'conversationId'),
    name: checkName(input.name, 'name'),
    type: checkName(input.type, 'type'),
    path: checkName(input.path, 'path', maxPathBytes),
    size: input.size === undefined ? 0 : checkInteger(input.size, 'size', 0),
    createdAt: new Date(context.now()),
    metadata: checkObject(input.metadata, 'metadata'),
    etag: context.newEtag(),
  };
}
