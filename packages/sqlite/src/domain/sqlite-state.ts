import type { CallOptions, Storable } from '@storage/core';
import {
  type AgentState,
  alreadyThere,
  type ConditionalOptions,
  checkConditions,
  checkName,
  encodeDocument,
  lostCondition,
  type MatchOptions,
  type StateStore,
  storedDocument,
  unknownConversation,
} from '@storage/domain';
import { conversationTexts, type StateTexts, sqliteDialect, stateTexts } from '@storage/sql';
import type { DomainHost } from './domain-host.ts';
import { removeRow } from './remove-row.ts';
import { conversationScope } from './sqlite-conversations.ts';

interface StateRow {
  readonly data: string;
  readonly updated_at: number;
  readonly etag: string;
}

/** Agents' state in SQLite. */
export class SqliteState implements StateStore {
  readonly #host: DomainHost;
  readonly #texts: StateTexts = stateTexts(sqliteDialect);
  readonly #conversationExists: string = conversationTexts(sqliteDialect).exists;

  constructor(host: DomainHost) {
    this.#host = host;
  }

  get(conversationId: string, options?: CallOptions): Promise<AgentState | undefined> {
    const { guard, writes } = this.#host;
    return guard.run('state.get', conversationId, false, options, () => {
      checkName(conversationId, 'conversationId');
      return (call) => writes.read(conversationScope(conversationId), () => this.#read(conversationId), call);
    });
  }

  put(conversationId: string, data: Storable, options?: ConditionalOptions): Promise<AgentState> {
    const { guard, writes, context } = this.#host;
    return guard.run('state.put', conversationId, true, options, () => {
      checkName(conversationId, 'conversationId');
      checkConditions(options);
      const state: AgentState = {
        conversationId,
        data: encodeDocument(data, 'data'),
        updatedAt: new Date(context.now()),
        etag: context.newEtag(),
      };
      return (call) => writes.write(conversationScope(conversationId), () => this.#put(state, options), call);
    });
  }

  delete(conversationId: string, options?: MatchOptions): Promise<boolean> {
    const { guard, connection, writes, tenantId } = this.#host;
    return guard.run('state.delete', conversationId, true, options, () => {
      checkName(conversationId, 'conversationId');
      const match = options?.ifMatch;
      const work = (): boolean => {
        return removeRow(connection, this.#texts, {
          key: conversationId,
          params: [tenantId, conversationId],
          match,
          exists: () => this.#read(conversationId) !== undefined,
        });
      };
      return (call) => writes.write(conversationScope(conversationId), work, call);
    });
  }

  #put(state: AgentState, options: ConditionalOptions | undefined): AgentState {
    const { connection, tenantId } = this.#host;
    const { conversationId } = state;
    const params = [state.data.text, state.updatedAt.getTime(), state.etag, tenantId, conversationId];
    const { changes } =
      options?.ifMatch !== undefined
        ? connection.prepare(this.#texts.putMatching).run(...params, options.ifMatch)
        : connection.prepare(options?.ifAbsent === true ? this.#texts.putAbsent : this.#texts.put).run(...params);
    if (changes > 0) return state;
    if (connection.prepare(this.#conversationExists).get(tenantId, conversationId) === undefined) {
      throw unknownConversation(conversationId);
    }
    throw options?.ifAbsent === true ? alreadyThere('state of session', conversationId) : lostCondition(conversationId);
  }

  #read(conversationId: string): AgentState | undefined {
    const { connection, tenantId } = this.#host;
    const row = connection.prepare(this.#texts.read).get(tenantId, conversationId) as StateRow | undefined;
    return (
      row && { conversationId, data: storedDocument(row.data), updatedAt: new Date(row.updated_at), etag: row.etag }
    );
  }
}
