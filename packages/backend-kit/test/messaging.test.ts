import { beforeEach, describe, expect, it } from '@jest/globals';
import { createMessaging, type MessageSink, type MessagingFacade, SubscriptionQueue } from '../src/index.ts';
import { openContext } from './fake-driver.ts';

const sinks = new Map<string, Set<MessageSink>>();
let messaging: MessagingFacade;

beforeEach(async () => {
  sinks.clear();
  messaging = createMessaging(
    {
      maxPayloadBytes: 20,
      publish: (channel, text) => {
        for (const sink of sinks.get(channel) ?? []) sink.push(text);
      },
      subscribe: (channel, sink) => {
        const set = sinks.get(channel) ?? new Set();
        sinks.set(channel, set.add(sink));
        return () => void set.delete(sink);
      },
    },
    await openContext(),
  );
});

describe('messaging', () => {
  it('hears what is published from the subscription on, in order, each its own copy', async () => {
    await messaging.publish('c', 0);
    const [a, b] = [await messaging.subscribe('c'), await messaging.subscribe('c')];
    const heard = a[Symbol.asyncIterator]().next();
    await messaging.publish('c', { n: 1 });
    await messaging.publish('d', 2);
    const first = (await heard).value;
    expect(first).toEqual({ type: 'message', channel: 'c', data: { n: 1 } });
    expect((await b[Symbol.asyncIterator]().next()).value).not.toBe(first);
  });

  it('refuses what can not be sent', async () => {
    await expect(messaging.publish('c', 'x'.repeat(19))).rejects.toMatchObject({
      code: 'too_large',
      details: { limit: 20, actual: 21 },
    });
    await expect(messaging.publish('', 1)).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(messaging.subscribe('c', { bufferSize: 0 })).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(messaging.subscribe('c', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
    expect(sinks.get('c')?.size ?? 0).toBe(0);
  });

  it('ends by close, by leaving the loop, by the signal and with the backend', async () => {
    const controller = new AbortController();
    const subscriptions = await Promise.all([
      messaging.subscribe('c'),
      messaging.subscribe('c'),
      messaging.subscribe('c', { signal: controller.signal }),
      messaging.subscribe('c'),
    ]);
    const [closed, left, aborted] = subscriptions;
    const loops = subscriptions.map(async (subscription) => {
      for await (const item of subscription) if (subscription === left) return item;
      return 'ended';
    });
    await messaging.publish('c', 1);
    await Promise.all([closed?.close(), closed?.close()]);
    controller.abort();
    await aborted?.close();
    expect(sinks.get('c')?.size).toBe(1);
    await messaging[Symbol.asyncDispose]();
    expect(sinks.get('c')?.size).toBe(0);
    expect(await Promise.all(loops)).toEqual(['ended', { type: 'message', channel: 'c', data: 1 }, 'ended', 'ended']);
  });
});

describe('SubscriptionQueue', () => {
  it('drops the oldest of a slow reader and tells of it where they were', async () => {
    const queue = new SubscriptionQueue({ channel: 'c', bufferSize: 3 });
    for (let n = 0; n < 100; n++) queue.push(String(n));
    queue.reconnected();
    const heard: unknown[] = [];
    for await (const item of queue) {
      heard.push(item.type === 'message' ? item.data : item.reason);
      if (heard.length === 4) break;
    }
    expect(heard).toEqual(['overflow', 98, 99, 'reconnected']);
  });

  it('fails behind what has arrived', async () => {
    const queue = new SubscriptionQueue({ channel: 'c', bufferSize: 3 });
    queue.push('1');
    queue.fail(new Error('lost'));
    const iterator = queue[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ data: 1 });
    await expect(iterator.next()).rejects.toThrow('lost');
    await queue.close();
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });
});
