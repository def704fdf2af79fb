import type { Backend, Gap, Message, Messaging, Subscription } from '@storage/core';
import { equal, fail, ok, rejects } from '../assert.ts';
import { settledWithin, sleep, type TestContext } from '../context.ts';
import { defineSuite, type Suite } from '../suite.ts';

async function messagingOf(backend: Backend): Promise<Messaging> {
  return backend.messaging ?? fail('capabilities.messaging promises messaging, the backend has none');
}

async function open(t: TestContext): Promise<Messaging> {
  return messagingOf(await t.open());
}

/** The next events of a subscription; fails when they do not come within five seconds. */
async function take(subscription: AsyncIterator<Message | Gap>, count: number): Promise<(Message | Gap)[]> {
  const events: (Message | Gap)[] = [];
  while (events.length < count) {
    const next = await settledWithin(subscription.next(), 5000, 'late' as const);
    if (next === 'late') fail(`${events.length} of ${count} events came within 5 s`, events);
    if (next.done) fail(`the subscription ended after ${events.length} of ${count} events`, events);
    events.push(next.value);
  }
  return events;
}

function iterator(subscription: Subscription): AsyncIterator<Message | Gap> {
  return subscription[Symbol.asyncIterator]();
}

/** Whether nothing comes for a while. */
async function isQuiet(next: Promise<unknown>): Promise<boolean> {
  return (
    (await settledWithin(
      next.then(() => 'event'),
      60,
      'quiet',
    )) === 'quiet'
  );
}

/** Publish and subscribe. */
export const messagingSuite: Suite = defineSuite(
  'messaging',
  ({ messaging }) => messaging !== false,
  (test) => {
    test('delivers', 'a subscriber hears what is published from then on, in order, as equal JSON', async (t) => {
      const messaging = await open(t);
      await messaging.publish('c', 'before');
      const events = iterator(await messaging.subscribe('c'));
      const sent = [1, 'text é😀', null, { a: [1, { b: null }] }, [], 0, false, '', '1'];
      for (const message of sent) await messaging.publish('c', message);
      equal(
        await take(events, sent.length),
        sent.map((data) => ({ type: 'message', channel: 'c', data })),
        'events',
      );
    });

    test('order', 'a thousand messages of one publisher come in order, none lost', async (t) => {
      const messaging = await open(t);
      const events = iterator(await messaging.subscribe('c', { bufferSize: 2000 }));
      await Promise.all(Array.from({ length: 1000 }, (_, index) => messaging.publish('c', index)));
      equal(
        (await take(events, 1000)).map((event) => (event.type === 'message' ? event.data : event.type)),
        Array.from({ length: 1000 }, (_, index) => index),
        'data',
      );
    });

    test('channels', 'a subscriber hears its own channel alone, whatever its name', async (t) => {
      const messaging = await open(t);
      const channels = [
        'a',
        'A',
        'ab',
        'a*',
        '*',
        'a.b',
        'a b',
        'é',
        '😀',
        'a"b',
        "a'b",
        'a;b',
        '__proto__',
        'x'.repeat(512),
      ];
      const subscriptions = await Promise.all(channels.map((channel) => messaging.subscribe(channel)));
      const iterators = subscriptions.map(iterator);
      for (const channel of channels) await messaging.publish(channel, { to: channel });
      for (const [index, channel] of channels.entries()) {
        const [event] = await take(iterators[index] ?? fail('a subscription is there'), 1);
        equal(event, { type: 'message', channel, data: { to: channel } }, `what ${channel.slice(0, 20)} heard`);
        equal(subscriptions[index]?.channel, channel, 'the channel that the subscription tells');
      }
      ok(await isQuiet(Promise.race(iterators.map((events) => events.next()))), 'nobody hears anything else');
    });

    test('everybody-hears', 'every subscriber of a channel hears every message', async (t) => {
      const messaging = await open(t);
      const subscribers = await Promise.all([
        messaging.subscribe('c'),
        messaging.subscribe('c'),
        messaging.subscribe('c'),
      ]);
      await messaging.publish('c', 1);
      await messaging.publish('c', 2);
      for (const subscriber of subscribers)
        equal(
          (await take(iterator(subscriber), 2)).map((event) => event.type === 'message' && event.data),
          [1, 2],
          'data',
        );
    });

    test('messages-are-copies', 'what one subscriber does to a message no other sees', async (t) => {
      const messaging = await open(t);
      const [one, two] = await Promise.all([messaging.subscribe('c'), messaging.subscribe('c')]);
      const message = { list: [1] };
      const pending = messaging.publish('c', message);
      message.list.push(2);
      await pending;
      const [first] = await take(iterator(one), 1);
      equal(first?.type === 'message' && first.data, { list: [1] }, 'data as they were at publish');
      if (first?.type === 'message') (first.data as { list: number[] }).list.push(3);
      const [second] = await take(iterator(two), 1);
      equal(second?.type === 'message' && second.data, { list: [1] }, 'data at the other subscriber');
    });

    test('nobody-listens', 'publishing where nobody listens succeeds', async (t) => {
      const messaging = await open(t);
      equal(await messaging.publish('c', 1), undefined, 'answer');
    });

    test('close', 'close ends a subscription and releases whoever waits; others go on', async (t) => {
      const messaging = await open(t);
      const [closing, staying] = await Promise.all([messaging.subscribe('c'), messaging.subscribe('c')]);
      const waiting = iterator(closing).next();
      await closing.close();
      await closing.close();
      equal((await settledWithin(waiting, 2000, { done: 'never' })).done, true, 'the iterator that waited is done');
      await messaging.publish('c', 1);
      equal((await take(iterator(staying), 1)).length, 1, 'events of the other subscriber');
      let met = 0;
      for await (const _event of closing) met++;
      equal(met, 0, 'events of a closed subscription');
    });

    test('leaving-the-loop', 'a for-await loop that is left can be followed by close', async (t) => {
      const messaging = await open(t);
      const subscription = await messaging.subscribe('c');
      await messaging.publish('c', 1);
      for await (const event of subscription) {
        equal(event.type, 'message', 'type');
        break;
      }
      await subscription.close();
      await messaging.publish('c', 2);
    });

    test('ends-with-the-backend', 'closing the backend ends its subscriptions', async (t) => {
      const backend = await t.open();
      const subscription = await (await messagingOf(backend)).subscribe('c');
      const waiting = iterator(subscription).next();
      await backend.close();
      equal((await settledWithin(waiting, 2000, { done: 'never' })).done, true, 'the iterator that waited is done');
      await rejects(async () => (await messagingOf(backend)).publish('c', 1), 'closed', 'publish afterwards');
    });

    test(
      'ends-with-the-signal',
      'the signal ends a subscription, and one that is aborted already makes none',
      async (t) => {
        const messaging = await open(t);
        const controller = new AbortController();
        const subscription = await messaging.subscribe('c', { signal: controller.signal });
        const waiting = iterator(subscription)
          .next()
          .then(
            (next) => next.done,
            () => true,
          );
        controller.abort();
        equal(await settledWithin(waiting, 2000, 'never'), true, 'the iterator that waited is released');
        await rejects(
          () => messaging.subscribe('c', { signal: controller.signal }),
          'aborted',
          'subscribe with an aborted signal',
        );
      },
    );

    test('slow-reader', 'a reader that is too slow keeps the newest and is told of the gap', async (t) => {
      const messaging = await open(t);
      const subscription = await messaging.subscribe('c', { bufferSize: 3 });
      for (let index = 0; index < 10; index++) await messaging.publish('c', index);
      await sleep(50);
      const events = await take(iterator(subscription), 2);
      const gap = events.find((event) => event.type === 'gap') ?? fail('a gap is told', events);
      equal(gap, { type: 'gap', channel: 'c', reason: 'overflow' }, 'the gap');
      const rest = [...events, ...(await take(iterator(subscription), 2))].flatMap((event) =>
        event.type === 'message' ? [event.data] : [],
      );
      equal(rest, [7, 8, 9], 'data of those that are left');
      await messaging.publish('c', 10);
      equal(
        await take(iterator(subscription), 1),
        [{ type: 'message', channel: 'c', data: 10 }],
        'what comes next, without another gap',
      );
    });

    test('bad-arguments', 'a channel, message or buffer that is not legal is refused', async (t) => {
      const messaging = await open(t);
      for (const channel of ['', 'a\0b', '\ud800', 1 as never]) {
        await rejects(() => messaging.publish(channel, 1), 'invalid_argument', `publish on ${JSON.stringify(channel)}`);
        await rejects(
          () => messaging.subscribe(channel),
          'invalid_argument',
          `subscribe to ${JSON.stringify(channel)}`,
        );
      }
      for (const message of [undefined, Number.NaN, () => 1, 'a\0b'] as never[])
        await rejects(() => messaging.publish('c', message), 'invalid_argument', 'publish of what is no JSON');
      for (const bufferSize of [0, -1, 1.5, 100_001])
        await rejects(() => messaging.subscribe('c', { bufferSize }), 'invalid_argument', `bufferSize ${bufferSize}`);
    });

    test('too-large', 'a message over maxPayloadBytes is too_large', async (t) => {
      const messaging = await open(t);
      const limit = messaging.maxPayloadBytes;
      ok(Number.isInteger(limit) && limit > 0, 'maxPayloadBytes is a whole number');
      if (limit > 16 * 1024 * 1024) return;
      const events = iterator(await messaging.subscribe('c'));
      const error = await rejects(() => messaging.publish('c', 'x'.repeat(limit - 1)), 'too_large', 'one byte over');
      equal(
        [error.details?.['limit'], error.details?.['actual']],
        [limit, limit + 1],
        'details.limit and details.actual',
      );
      await messaging.publish('c', 'x'.repeat(limit - 2));
      const [event] = await take(events, 1);
      equal(event?.type === 'message' && (event.data as string).length, limit - 2, 'length of the largest message');
    });

    test(
      'reaches-the-server',
      'every client of the server hears a message',
      ({ messaging }) => messaging !== false && messaging.scope === 'server',
      async (t) => {
        const backend = await t.open();
        const other = await t.reopen(backend);
        await other.open();
        const events = iterator(await (await messagingOf(other)).subscribe('c'));
        await (await messagingOf(backend)).publish('c', 1);
        equal((await take(events, 1))[0], { type: 'message', channel: 'c', data: 1 }, 'what the other client heard');
      },
    );

    test('stays-in-the-backend', 'another backend hears nothing of what is published in this one', async (t) => {
      const [one, two] = await Promise.all([open(t), open(t)]);
      const events = iterator(await two.subscribe('c'));
      await one.publish('c', 1);
      ok(await isQuiet(events.next()), 'a subscriber of another store hears nothing');
    });
  },
);
