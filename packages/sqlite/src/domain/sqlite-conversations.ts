import type { CallOptions, Page, PageOptions } from '@storage/core';
import {
  alreadyThere,
  type Conversation,
  type ConversationChange,
  type ConversationQuery,
  type ConversationStatus,
  type ConversationStore,
  checkConversationChange,
  checkConversationQuery,
  checkLimit,
  checkName,
  lostCondition,
  type MatchOptions,
  type Message,
  type MessageRole,
  type NewConversation,
  type NewMessage,
  newConversation,
  newMessage,
  storedDocument,
  unknownConversation,
} from '@storage/domain';
import { type ConversationTexts, conversationTexts, sqliteDialect } from '@storage/sql';
import type { DomainHost } from './domain-host.ts';
import { cursorParams, givenFilters, pageOf } from './pages.ts';
import { removeRow } from './remove-row.ts';

interface ConversationRow {
  readonly id: string;
  readonly agent_name: string | null;
  readonly user_id: string | null;
  readonly status: ConversationStatus;
  readonly created_at: number;
  readonly updated_at: number;
  readonly metadata: string;
  readonly etag: string;
}

interface MessageRow {
  readonly id: string;
  readonly conversation_id: string;
  readonly sequence: number;
  readonly role: MessageRole;
  readonly content: string;
  readonly created_at: number;
  readonly metadata: string;
}

function toConversation(row: ConversationRow): Conversation {
  return {
    id: row.id,
    agentName: row.agent_name ?? undefined,
    userId: row.user_id ?? undefined,
    status: row.status,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
    metadata: storedDocument(row.metadata),
    etag: row.etag,
  };
}

function toMessage(row: MessageRow): Message {
  return {
    id: row.id,
    conversationId: row.conversation_id,
    sequence: row.sequence,
    role: row.role,
    content: storedDocument(row.content),
    createdAt: new Date(row.created_at),
    metadata: storedDocument(row.metadata),
  };
}

/** What a write or read of a conversation, its messages or its state touches. */
export function conversationScope(id: string): string {
  return `conversation\0${id}`;
}

/** Conversations in SQLite. */
export class SqliteConversations implements ConversationStore {
  readonly #host: DomainHost;
  readonly #texts: ConversationTexts = conversationTexts(sqliteDialect);

  constructor(host: DomainHost) {
    this.#host = host;
  }

  create(conversation: NewConversation, options?: CallOptions): Promise<Conversation> {
    const { guard, connection, writes, context, tenantId } = this.#host;
    return guard.run('conversations.create', conversation.id, true, options, () => {
      const made = newConversation(conversation, context);
      const work = (): Conversation => {
        const { changes } = connection
          .prepare(this.#texts.create)
          .run(
            tenantId,
            made.id,
            made.agentName ?? null,
            made.userId ?? null,
            made.status,
            made.createdAt.getTime(),
            made.updatedAt.getTime(),
            made.metadata.text,
            made.etag,
          );
        if (changes === 0) throw alreadyThere('session or conversation', made.id);
        return made;
      };
      return (call) => writes.write(conversationScope(made.id), work, call);
    });
  }

  get(id: string, options?: CallOptions): Promise<Conversation | undefined> {
    const { guard, connection, writes, tenantId } = this.#host;
    return guard.run('conversations.get', id, false, options, () => {
      checkName(id, 'id');
      const work = (): Conversation | undefined => {
        const row = connection.prepare(this.#texts.read).get(tenantId, id) as ConversationRow | undefined;
        return row && toConversation(row);
      };
      return (call) => writes.read(conversationScope(id), work, call);
    });
  }

  update(id: string, change: ConversationChange, options?: MatchOptions): Promise<Conversation | undefined> {
    const { guard, connection, writes, context, tenantId } = this.#host;
    return guard.run('conversations.update', id, true, options, () => {
      checkName(id, 'id');
      const { agentName, userId, status, metadata } = checkConversationChange(change);
      const changed = [
        agentName ?? null,
        userId === undefined ? 0 : 1,
        userId ?? null,
        status ?? null,
        metadata ?? null,
        context.now(),
        context.newEtag(),
        tenantId,
        id,
      ];
      const match = options?.ifMatch;
      const work = (): Conversation | undefined => {
        const row = (
          match === undefined
            ? connection.prepare(this.#texts.update).get(...changed)
            : connection.prepare(this.#texts.updateMatching).get(...changed, match)
        ) as ConversationRow | undefined;
        if (row !== undefined) return toConversation(row);
        if (match !== undefined && this.#exists(id)) throw lostCondition(id);
        return undefined;
      };
      return (call) => writes.write(conversationScope(id), work, call);
    });
  }

  delete(id: string, options?: MatchOptions): Promise<boolean> {
    const { guard, connection, writes, tenantId } = this.#host;
    return guard.run('conversations.delete', id, true, options, () => {
      checkName(id, 'id');
      const match = options?.ifMatch;
      const work = (): boolean => {
        const there = removeRow(connection, this.#texts, {
          key: id,
          params: [tenantId, id],
          match,
          exists: () => this.#exists(id),
        });
        if (!there) return false;
        for (const text of this.#texts.removeDependents) connection.prepare(text).run(tenantId, id);
        return true;
      };
      return (call) => writes.write(conversationScope(id), work, call);
    });
  }

  list(query: ConversationQuery = {}): Promise<Page<Conversation>> {
    const { guard, connection, writes, tenantId } = this.#host;
    return guard.run('conversations.list', undefined, false, query, () => {
      const { agentName, userId, status } = checkConversationQuery(query);
      const limit = checkLimit(query.limit);
      const { columns, values } = givenFilters({ agent_name: agentName, user_id: userId, status });
      const name = JSON.stringify(['conversations', tenantId, columns, values]);
      const after = cursorParams(name, query.cursor);
      const text = this.#texts.list({ equal: columns, after: after.length > 0 });
      const work = (): Page<Conversation> => {
        const rows = connection.prepare(text).all(tenantId, ...values, ...after, limit + 1) as ConversationRow[];
        return pageOf(rows, limit, name, toConversation, (row) => ({ rank: row.created_at, id: row.id }));
      };
      return (call) => writes.read(undefined, work, call);
    });
  }

  append(message: NewMessage, options?: CallOptions): Promise<Message> {
    const { guard, connection, writes, context, tenantId } = this.#host;
    return guard.run('conversations.append', message.conversationId, true, options, () => {
      const made = newMessage(message, context);
      const work = (): Message => {
        const { conversationId, id, role, content, createdAt, metadata } = made;
        const next = connection.prepare(this.#texts.next).get(tenantId, conversationId) as
          | { readonly sequence: number }
          | undefined;
        if (next === undefined) throw unknownConversation(conversationId);
        const { sequence } = next;
        connection
          .prepare(this.#texts.append)
          .run(tenantId, conversationId, sequence, id, role, content.text, createdAt.getTime(), metadata.text);
        return { id, conversationId, sequence, role, content, createdAt, metadata };
      };
      return (call) => writes.write(conversationScope(made.conversationId), work, call);
    });
  }

  history(conversationId: string, options: PageOptions = {}): Promise<Page<Message>> {
    const { guard, connection, writes, tenantId } = this.#host;
    return guard.run('conversations.history', conversationId, false, options, () => {
      checkName(conversationId, 'conversationId');
      const limit = checkLimit(options.limit);
      const name = JSON.stringify(['history', tenantId, conversationId]);
      const [before = Number.MAX_SAFE_INTEGER] = cursorParams(name, options.cursor);
      const work = (): Page<Message> => {
        const rows = connection
          .prepare(this.#texts.history)
          .all(tenantId, conversationId, before, limit + 1) as MessageRow[];
        if (rows.length === 0 && !this.#exists(conversationId)) throw unknownConversation(conversationId);
        const page = pageOf(rows, limit, name, toMessage, (row) => ({ rank: row.sequence, id: row.id }));
        return { ...page, items: page.items.toReversed() };
      };
      return (call) => writes.read(conversationScope(conversationId), work, call);
    });
  }

  clear(conversationId: string, options?: CallOptions): Promise<number> {
    const { guard, connection, writes, tenantId } = this.#host;
    return guard.run('conversations.clear', conversationId, true, options, () => {
      checkName(conversationId, 'conversationId');
      const work = (): number => {
        const { changes } = connection.prepare(this.#texts.keepSequence).run(tenantId, conversationId);
        if (changes === 0) throw unknownConversation(conversationId);
        return connection.prepare(this.#texts.clear).run(tenantId, conversationId).changes;
      };
      return (call) => writes.write(conversationScope(conversationId), work, call);
    });
  }

  #exists(id: string): boolean {
    const { connection, tenantId } = this.#host;
    return connection.prepare(this.#texts.exists).get(tenantId, id) !== undefined;
  }
}
