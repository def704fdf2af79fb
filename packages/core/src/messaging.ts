import type { CallOptions } from './call.ts';
import type { JsonInput, JsonValue } from './json.ts';

/** A message that arrived. */
export interface Message {
  readonly type: 'message';
  readonly channel: string;
  readonly data: JsonValue;
}

/** Messages may have been missed here: the connection was lost and is back, or the subscriber read too slowly. */
export interface Gap {
  readonly type: 'gap';
  readonly channel: string;
  readonly reason: 'reconnected' | 'overflow';
}

/** What one subscriber hears, in the order of publication of each publisher. Ends on `close`, on the backend's `close` and on the signal. */
export interface Subscription extends AsyncIterable<Message | Gap>, AsyncDisposable {
  readonly channel: string;
  /** Ends the subscription; whoever iterates it is released. Safe to call twice. */
  close(): Promise<void>;
}

export interface SubscribeOptions extends CallOptions {
  /** How many messages wait for a slow reader before the oldest are dropped and a gap is told, 1 to 100,000. Missing: 1,000. */
  readonly bufferSize?: number | undefined;
}

/** Publish and subscribe on named channels, at most once. Channels are legal as record keys. */
export interface Messaging {
  /** The largest message, in bytes of its JSON text. Over it: `too_large`. */
  readonly maxPayloadBytes: number;
  /** Sends to whoever is subscribed now. Resolved: the server has taken it; nobody may have been listening. */
  publish(channel: string, message: JsonInput, options?: CallOptions): Promise<void>;
  /** Resolves once the subscription is in force: what is published from then on is heard. */
  subscribe(channel: string, options?: SubscribeOptions): Promise<Subscription>;
}
