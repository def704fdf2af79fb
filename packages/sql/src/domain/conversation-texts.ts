import type { Dialect } from '../dialect.ts';
import { boundLimit, jsonText, type PageText, pageText, typed } from './statements.ts';

/** The SQL of conversations and their messages, with `?` for parameters. The tenant always comes first. */
export interface ConversationTexts {
  /** Parameters: tenant, id, agent, user, status, created, updated, metadata, etag. No row is changed when the id is taken. */
  readonly create: string;
  /** Parameters: tenant, id. */
  readonly read: string;
  /** Parameters: tenant, id. A row when it is there. */
  readonly exists: string;
  /** Parameters: agent or null, whether the user is changed (0 or 1), user, status or null, metadata or null, updated, etag, tenant, id. Answers the row. */
  readonly update: string;
  /** As `update`, and behind it the etag that must hold. */
  readonly updateMatching: string;
  /** Parameters: tenant, id. */
  readonly remove: string;
  /** As `remove`, and behind it the etag that must hold. */
  readonly removeMatching: string;
  /** What goes with a conversation. Parameters of each: tenant, id. */
  readonly removeDependents: readonly string[];
  list(page: PageText): string;
  /** Parameters: tenant, conversation. Answers the sequence of the next message; no row when there is no such conversation. Stands in the transaction of `append`. */
  readonly next: string;
  /** Parameters: tenant, conversation, sequence, id, role, content, created, metadata. */
  readonly append: string;
  /** Parameters: tenant, conversation, the sequence to begin before, limit. Newest first. */
  readonly history: string;
  /** Keeps the numbers of messages that are about to go from being given again. Parameters: tenant, conversation. */
  readonly keepSequence: string;
  /** Parameters: tenant, conversation. */
  readonly clear: string;
}

const messageKey = 'm.tenant_id = c.tenant_id AND m.conversation_id = c.id';
const newest = `(SELECT COALESCE(MAX(m.sequence), 0) FROM storage_messages AS m WHERE ${messageKey})`;
// `last_sequence` is never above the last number that was given, and never below that of a message that is gone.
const sqliteNext = `SELECT MAX(c.last_sequence, ${newest}) + 1 AS sequence
  FROM storage_conversations AS c WHERE c.tenant_id = ? AND c.id = ?`;
// Where writers run side by side, the row's own counter is the lock.
const postgresNext = `UPDATE storage_conversations SET last_sequence = last_sequence + 1
  WHERE tenant_id = ? AND id = ? RETURNING last_sequence AS sequence`;

export function conversationTexts(dialect: Dialect): ConversationTexts {
  const columns = `id, agent_name, user_id, status, created_at, updated_at, ${jsonText(dialect, 'metadata')}, etag`;
  const update = `UPDATE storage_conversations SET agent_name = COALESCE(${typed(dialect, 'text')}, agent_name),
    user_id = CASE WHEN ? = 1 THEN ${typed(dialect, 'text')} ELSE user_id END,
    status = COALESCE(${typed(dialect, 'text')}, status), metadata = COALESCE(${typed(dialect, 'json')}, metadata),
    updated_at = ?, etag = ? WHERE tenant_id = ? AND id = ?`;
  const message = `id, conversation_id, sequence, role, ${jsonText(dialect, 'content')}, created_at, ${jsonText(dialect, 'metadata')}`;
  const text = dialect.placeholders;
  const children = ['storage_messages', 'storage_states', 'storage_artifacts', 'storage_metrics'];
  const remove = 'DELETE FROM storage_conversations WHERE tenant_id = ? AND id = ?';
  return {
    create: text(`INSERT INTO storage_conversations
      (tenant_id, id, agent_name, user_id, status, created_at, updated_at, metadata, etag)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id, id) DO NOTHING`),
    read: text(`SELECT ${columns} FROM storage_conversations WHERE tenant_id = ? AND id = ?`),
    exists: text('SELECT 1 AS found FROM storage_conversations WHERE tenant_id = ? AND id = ?'),
    update: text(`${update} RETURNING ${columns}`),
    updateMatching: text(`${update} AND etag = ? RETURNING ${columns}`),
    remove: text(remove),
    removeMatching: text(`${remove} AND etag = ?`),
    removeDependents: children.map((table) => text(`DELETE FROM ${table} WHERE tenant_id = ? AND conversation_id = ?`)),
    list: (page) => text(pageText('storage_conversations', columns, 'created_at', page)),
    next: text(dialect.name === 'sqlite' ? sqliteNext : postgresNext),
    append: text(`INSERT INTO storage_messages
      (tenant_id, conversation_id, sequence, id, role, content, created_at, metadata) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`),
    history: text(`SELECT ${message} FROM storage_messages
      WHERE tenant_id = ? AND conversation_id = ? AND sequence < ? ORDER BY sequence DESC ${boundLimit}`),
    keepSequence: text(`UPDATE storage_conversations AS c
      SET last_sequence = CASE WHEN ${newest} > last_sequence THEN ${newest} ELSE last_sequence END
      WHERE tenant_id = ? AND id = ?`),
    clear: text('DELETE FROM storage_messages WHERE tenant_id = ? AND conversation_id = ?'),
  };
}
