import type { MessageSink, MessagingDriver } from '@storage/backend-kit';

/** Messages within this backend: handed to each subscriber before `publish` answers. */
export class MemoryMessaging implements MessagingDriver {
  readonly maxPayloadBytes: number = 1024 * 1024;
  readonly #channels = new Map<string, Set<MessageSink>>();

  publish(channel: string, text: string): void {
    for (const sink of this.#channels.get(channel) ?? []) sink.push(text);
  }

  subscribe(channel: string, sink: MessageSink): () => void {
    const sinks = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, sinks.add(sink));
    return () => {
      sinks.delete(sink);
      if (sinks.size === 0 && this.#channels.get(channel) === sinks) this.#channels.delete(channel);
    };
  }
}
