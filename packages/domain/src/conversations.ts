import {
  type CallOptions,
  type FacetToken,
  facetToken,
  type JsonObject,
  type MetadataInput,
  type Page,
  type PageOptions,
} from '@storage/core';
import type { MatchOptions } from './conditions.ts';
import type { JsonDocument } from './json-document.ts';

export const conversationStatuses = ['active', 'paused', 'ended'] as const;
/** Where a conversation stands. The store attaches no meaning: an ended one still takes messages. */
export type ConversationStatus = (typeof conversationStatuses)[number];

export const messageRoles = ['user', 'assistant', 'system', 'tool'] as const;
/** Who speaks. */
export type MessageRole = (typeof messageRoles)[number];

/** A conversation of an agent with a user. The Vault calls it a session. */
export interface Conversation {
  /** `session_…`, or what its maker chose. */
  readonly id: string;
  readonly agentName: string | undefined;
  readonly userId: string | undefined;
  readonly status: ConversationStatus;
  readonly createdAt: Date;
  /** When it was created or last changed by `update`. Messages don't move it. */
  readonly updatedAt: Date;
  readonly metadata: JsonDocument<JsonObject>;
  /** New with every `update`. */
  readonly etag: string;
}

export interface NewConversation {
  /** Missing: one is made. 1 to 512 UTF-8 bytes. */
  readonly id?: string | undefined;
  readonly agentName?: string | undefined;
  readonly userId?: string | undefined;
  /** Missing: `active`. */
  readonly status?: ConversationStatus | undefined;
  /** Missing: `{}`. */
  readonly metadata?: MetadataInput | undefined;
}

/** What to change; members that are left out stay as they are. */
export interface ConversationChange {
  readonly agentName?: string | undefined;
  /** `null`: taken away. */
  readonly userId?: string | null | undefined;
  readonly status?: ConversationStatus | undefined;
  /** Replaces the metadata as a whole. */
  readonly metadata?: MetadataInput | undefined;
}

/** Which conversations to list: those that have every value given. */
export interface ConversationQuery extends PageOptions {
  readonly agentName?: string | undefined;
  readonly userId?: string | undefined;
  readonly status?: ConversationStatus | undefined;
}

export interface Message {
  /** `msg_…` */
  readonly id: string;
  readonly conversationId: string;
  /** Its place in the conversation: rises with every message, is never given twice. */
  readonly sequence: number;
  readonly role: MessageRole;
  /** Text or other JSON. */
  readonly content: JsonDocument;
  readonly createdAt: Date;
  readonly metadata: JsonDocument<JsonObject>;
}

export interface NewMessage {
  readonly conversationId: string;
  readonly role: MessageRole;
  /** Text, or any other JSON. */
  readonly content: string | object;
  /** Missing: `{}`. */
  readonly metadata?: MetadataInput | undefined;
}

/**
 * Conversations and their messages. A write that was acknowledged is there; a read sees every write that was acknowledged before it
 * began. Messages are ordered by their sequence, never by a clock.
 */
export interface ConversationStore {
  /** `already_exists` when its id is taken. */
  create(conversation: NewConversation, options?: CallOptions): Promise<Conversation>;
  /** `undefined` when there is none. */
  get(id: string, options?: CallOptions): Promise<Conversation | undefined>;
  /** The conversation as it is afterwards; `undefined` when there is none. An empty change changes its etag and time all the same. */
  update(id: string, change: ConversationChange, options?: MatchOptions): Promise<Conversation | undefined>;
  /** Removes it with its messages, state, artifacts and metrics, all at once. Whether it was there. */
  delete(id: string, options?: MatchOptions): Promise<boolean>;
  /** Newest first. */
  list(query?: ConversationQuery): Promise<Page<Conversation>>;
  /** Adds a message at the end. `not_found` when there is no such conversation. */
  append(message: NewMessage, options?: CallOptions): Promise<Message>;
  /** The newest messages, the oldest of them first; the cursor leads to the messages before them. `not_found` when there is no such conversation. */
  history(conversationId: string, options?: PageOptions): Promise<Page<Message>>;
  /** Removes all messages and answers how many. `not_found` when there is no such conversation. */
  clear(conversationId: string, options?: CallOptions): Promise<number>;
}

/** Asks a backend for its conversations. */
export const conversationsFacet: FacetToken<ConversationStore> = facetToken('conversations/1');
