import { type CallOptions, type FacetToken, facetToken, type Storable } from '@storage/core';
import type { ConditionalOptions, MatchOptions } from './conditions.ts';
import type { JsonDocument } from './json-document.ts';

/** What an agent remembers in one conversation: context, variables, memory. One document a conversation. */
export interface AgentState {
  readonly conversationId: string;
  readonly data: JsonDocument;
  readonly updatedAt: Date;
  /** New with every `put`. */
  readonly etag: string;
}

export interface StateStore {
  /** `undefined` when the conversation has no state, or there is no such conversation. */
  get(conversationId: string, options?: CallOptions): Promise<AgentState | undefined>;
  /** Replaces the state as a whole. `not_found` when there is no such conversation. */
  put(conversationId: string, data: Storable, options?: ConditionalOptions): Promise<AgentState>;
  /** Whether there was one. */
  delete(conversationId: string, options?: MatchOptions): Promise<boolean>;
}

/** Asks a backend for the state of agents. */
export const stateFacet: FacetToken<StateStore> = facetToken('state/1');
