import type { CallOptions, JsonObject, Page, PageOptions } from '@storage/core';
import {
  type Artifact,
  type ArtifactStore,
  checkLimit,
  checkName,
  type MatchOptions,
  type NewArtifact,
  newArtifact,
  storedDocument,
  unknownConversation,
} from '@storage/domain';
import { type ArtifactTexts, artifactTexts, conversationTexts, sqliteDialect } from '@storage/sql';
import type { DomainHost } from './domain-host.ts';
import { cursorParams, pageOf } from './pages.ts';
import { removeRow } from './remove-row.ts';

interface ArtifactRow extends Pick<Artifact, 'id' | 'name' | 'type' | 'path' | 'size' | 'etag'> {
  readonly conversation_id: string;
  readonly created_at: number;
  readonly metadata: string;
}

function toArtifact(row: ArtifactRow): Artifact {
  const { id, name, type, path, size, etag } = row;
  return {
    id,
    conversationId: row.conversation_id,
    name,
    type,
    path,
    size,
    createdAt: new Date(row.created_at),
    metadata: storedDocument<JsonObject>(row.metadata),
    etag,
  };
}

const scope = (id: string): string => `artifact\0${id}`;

/** Artifacts in SQLite. */
export class SqliteArtifacts implements ArtifactStore {
  readonly #host: DomainHost;
  readonly #texts: ArtifactTexts = artifactTexts(sqliteDialect);
  readonly #conversationExists: string = conversationTexts(sqliteDialect).exists;

  constructor(host: DomainHost) {
    this.#host = host;
  }

  create(artifact: NewArtifact, options?: CallOptions): Promise<Artifact> {
    const { guard, connection, writes, context, tenantId } = this.#host;
    return guard.run('artifacts.create', undefined, true, options, () => {
      const made = newArtifact(artifact, context);
      const work = (): Artifact => {
        const { changes } = connection
          .prepare(this.#texts.create)
          .run(
            made.id,
            made.name,
            made.type,
            made.path,
            made.size,
            made.createdAt.getTime(),
            made.metadata.text,
            made.etag,
            tenantId,
            made.conversationId,
          );
        if (changes === 0) throw unknownConversation(made.conversationId);
        return made;
      };
      return (call) => writes.write(scope(made.id), work, call);
    });
  }

  get(id: string, options?: CallOptions): Promise<Artifact | undefined> {
    const { guard, writes } = this.#host;
    return guard.run('artifacts.get', id, false, options, () => {
      checkName(id, 'id');
      return (call) => writes.read(scope(id), () => this.#read(id), call);
    });
  }

  list(conversationId: string, options: PageOptions = {}): Promise<Page<Artifact>> {
    const { guard, connection, writes, tenantId } = this.#host;
    return guard.run('artifacts.list', conversationId, false, options, () => {
      checkName(conversationId, 'conversationId');
      const limit = checkLimit(options.limit);
      const name = JSON.stringify(['artifacts', tenantId, conversationId]);
      const after = cursorParams(name, options.cursor);
      const text = this.#texts.list({ equal: ['conversation_id'], after: after.length > 0 });
      const work = (): Page<Artifact> => {
        const rows = connection.prepare(text).all(tenantId, conversationId, ...after, limit + 1) as ArtifactRow[];
        if (
          rows.length === 0 &&
          connection.prepare(this.#conversationExists).get(tenantId, conversationId) === undefined
        ) {
          throw unknownConversation(conversationId);
        }
        return pageOf(rows, limit, name, toArtifact, (row) => ({ rank: row.created_at, id: row.id }));
      };
      return (call) => writes.read(undefined, work, call);
    });
  }

  delete(id: string, options?: MatchOptions): Promise<boolean> {
    const { guard, connection, writes, tenantId } = this.#host;
    return guard.run('artifacts.delete', id, true, options, () => {
      checkName(id, 'id');
      const match = options?.ifMatch;
      const work = (): boolean => {
        return removeRow(connection, this.#texts, {
          key: id,
          params: [tenantId, id],
          match,
          exists: () => this.#read(id) !== undefined,
        });
      };
      return (call) => writes.write(scope(id), work, call);
    });
  }

  #read(id: string): Artifact | undefined {
    const { connection, tenantId } = this.#host;
    const row = connection.prepare(this.#texts.read).get(tenantId, id) as ArtifactRow | undefined;
    return row && toArtifact(row);
  }
}
