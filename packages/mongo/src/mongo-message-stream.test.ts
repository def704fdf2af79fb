import { expect, it } from '@jest/globals';
import { MessageStream } from './mongo-message-stream.ts';
import type { MessageDocument, MongoStore } from './mongo-store.ts';

interface Change {
  readonly _id: string;
  readonly fullDocument: MessageDocument;
}

/** A stream of changes that ends as it is told: with an error, by itself, or when it is closed. */
class FakeStream implements AsyncIterable<Change> {
  #next: ((step: Change | Error | undefined) => void) | undefined;
  readonly #steps: (Change | Error | undefined)[];

  constructor(...steps: readonly (Change | Error | undefined)[]) {
    this.#steps = [...steps];
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Change> {
    for (;;) {
      const step =
        this.#steps.length > 0
          ? this.#steps.shift()
          : await new Promise<Change | Error | undefined>((resolve) => {
              this.#next = resolve;
            });
      if (step === undefined) return;
      if (!('fullDocument' in step)) throw step;
      yield step;
    }
  }

  async close(): Promise<void> {
    this.#next?.(undefined);
  }
}

function change(text: string): Change {
  return { _id: `place of ${text}`, fullDocument: { _id: text, channel: 'c', text, at: new Date() } };
}

function failure(code: number): Error {
  return Object.assign(new Error('the stream failed'), { code });
}

/** What is heard of these streams, one after the other, and from where each was asked for. */
async function hear(...streams: readonly FakeStream[]): Promise<{ heard: string[]; places: unknown[] }> {
  const heard: string[] = [];
  const places: unknown[] = [];
  const left = [...streams];
  let allOpened: (() => void) | undefined;
  const opened = new Promise<void>((resolve) => {
    allOpened = resolve;
  });
  const messages = {
    watch: (_pipeline: unknown, options: { readonly resumeAfter?: unknown }) => {
      places.push(options.resumeAfter);
      if (left.length === 1) setImmediate(() => allOpened?.());
      return left.shift() ?? new FakeStream();
    },
  };
  const stream = new MessageStream({ messages } as unknown as MongoStore, {
    onMessage: ({ text }) => heard.push(text),
    onGap: () => heard.push('gap'),
  });
  await opened;
  await stream.stop();
  return { heard, places };
}

it('goes on behind the last message after a failure', async () => {
  const { heard, places } = await hear(
    new FakeStream(change('a'), failure(6)),
    new FakeStream(failure(6)),
    new FakeStream(change('b')),
  );
  expect(heard).toEqual(['a', 'b']);
  expect(places).toEqual([undefined, 'place of a', 'place of a']);
});

it.each([
  ['the server has forgotten the place', failure(286)],
  ['the stream has ended by itself', undefined],
])('begins anew and tells of a gap when %s', async (_why, end) => {
  const { heard, places } = await hear(new FakeStream(change('a'), end), new FakeStream(change('b')));
  expect(heard).toEqual(['a', 'gap', 'b']);
  expect(places).toEqual([undefined, undefined]);
});
