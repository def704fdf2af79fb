import { invalidArgument, StorageError } from '@storage/core';
import { checkName, checkObject, checkOneOf, checkOptionalName } from './checks.ts';
import type { DomainContext } from './context.ts';
import {
  type Conversation,
  type ConversationChange,
  type ConversationQuery,
  conversationStatuses,
  type Message,
  messageRoles,
  type NewConversation,
  type NewMessage,
} from './conversations.ts';
import { encodeDocument } from './json-document.ts';

/** The conversation that a caller asks for, checked and complete. */
export function newConversation(input: NewConversation, context: DomainContext): Conversation {
  const now = new Date(context.now());
  return {
    id: input.id === undefined ? context.newId('session') : checkName(input.id, 'id'),
    agentName: checkOptionalName(input.agentName, 'agentName'),
    userId: checkOptionalName(input.userId, 'userId'),
    status: input.status === undefined ? 'active' : checkOneOf(input.status, conversationStatuses, 'status'),
    createdAt: now,
    updatedAt: now,
    metadata: checkObject(input.metadata, 'metadata'),
    etag: context.newEtag(),
  };
}

/** A change, checked; what is `undefined` stays as it is. */
export interface CheckedConversationChange {
  readonly agentName: string | undefined;
  readonly userId: string | null | undefined;
  readonly status: string | undefined;
  /** JSON text. */
  readonly metadata: string | undefined;
}

export function checkConversationChange(change: ConversationChange): CheckedConversationChange {
  return {
    agentName: checkOptionalName(change.agentName, 'agentName'),
    userId: change.userId === null ? null : checkOptionalName(change.userId, 'userId'),
    status: change.status === undefined ? undefined : checkOneOf(change.status, conversationStatuses, 'status'),
    metadata: change.metadata === undefined ? undefined : checkObject(change.metadata, 'metadata').text,
  };
}

/** The filter of a query, checked. */
export function checkConversationQuery(query: ConversationQuery): {
  readonly agentName: string | undefined;
  readonly userId: string | undefined;
  readonly status: string | undefined;
} {
  return {
    agentName: checkOptionalName(query.agentName, 'agentName'),
    userId: checkOptionalName(query.userId, 'userId'),
    status: query.status === undefined ? undefined : checkOneOf(query.status, conversationStatuses, 'status'),
  };
}

/** The message that a caller asks for, checked and complete but for its sequence, which the store gives. */
export function newMessage(input: NewMessage, context: DomainContext): Omit<Message, 'sequence'> {
  if (typeof input.content !== 'string' && (typeof input.content !== 'object' || input.content === null)) {
    throw invalidArgument('content must be text, or a JSON object or array.', { path: 'content' });
  }
  return {
    id: context.newId('msg'),
    conversationId: checkName(input.conversationId, 'conversationId'),
    role: checkOneOf(input.role, messageRoles, 'role'),
    content: encodeDocument(input.content, 'content'),
    createdAt: new Date(context.now()),
    metadata: checkObject(input.metadata, 'metadata'),
  };
}

/** What is thrown when something needs a conversation that is not there. */
export function unknownConversation(id: string): StorageError {
  return new StorageError({
    code: 'not_found',
    message: `There is no session or conversation '${id}'; create it first.`,
    key: id,
    details: { kind: 'conversation', id },
  });
}

/** What is thrown when a condition on an etag does not hold. */
export function lostCondition(key: string): StorageError {
  return new StorageError({
    code: 'conflict',
    message: `'${key}' was changed since it was read: its etag is another. Read it again and repeat the change.`,
    key,
    applied: 'no',
  });
}

/** What is thrown when something is there that must not be. */
export function alreadyThere(kind: string, key: string): StorageError {
  return new StorageError({
    code: 'already_exists',
    message: `There is a ${kind} '${key}' already.`,
    key,
    applied: 'no',
    details: { kind, id: key },
  });
}
