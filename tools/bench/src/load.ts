// The client of the HTTP benches, in a process of its own so that its work is not the server's. It is told once what to send to
// whom, then how often; each of its connections sends its next request when the last one was answered.
import { Client, type Dispatcher } from 'undici';

/** Where requests go. The request number `index` is the one at `index` modulo their number. */
export interface Target {
  readonly origin: string;
  readonly connections: number;
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly requests: readonly { readonly path: string; readonly body?: string }[];
}

/** What the load process is told. It answers each with a `LoadAnswer`. */
export type LoadOrder =
  | { readonly id: number; readonly open: Target }
  | { readonly id: number; readonly run: { readonly target: number; readonly from: number; readonly count: number } };

export interface LoadAnswer {
  readonly id: number;
  /** Missing: it went well. */
  readonly error?: string;
}

interface OpenTarget extends Target {
  readonly clients: readonly Client[];
}

const targets: OpenTarget[] = [];

/** Sends requests over one connection until there are none left. */
function drive(client: Client, next: () => Dispatcher.DispatchOptions | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const send = (): void => {
      const options = next();
      if (options === undefined) resolve();
      else client.dispatch(options, handler);
    };
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: () => undefined,
      onResponseStart(_controller, status) {
        if (status >= 300) reject(new Error(`A request was answered with ${status}.`));
      },
      onResponseData: () => undefined,
      onResponseEnd: send,
      onResponseError: (_controller, error) => reject(error),
    };
    send();
  });
}

async function run({ clients, method, requests }: OpenTarget, from: number, count: number): Promise<void> {
  let at = from;
  const end = from + count;
  const next = (): Dispatcher.DispatchOptions | undefined => {
    if (at >= end) return undefined;
    const request = requests[at++ % requests.length];
    if (request === undefined) throw new Error('A target has no requests.');
    const { path, body } = request;
    return body === undefined
      ? { method, path }
      : { method, path, body, headers: { 'content-type': 'application/json' } };
  };
  await Promise.all(clients.map((client) => drive(client, next)));
}

async function obey(order: LoadOrder): Promise<void> {
  if ('open' in order) {
    const { origin, connections } = order.open;
    targets.push({ ...order.open, clients: Array.from({ length: connections }, () => new Client(origin)) });
    return;
  }
  const target = targets[order.run.target];
  if (target === undefined) throw new Error(`There is no target ${order.run.target}.`);
  await run(target, order.run.from, order.run.count);
}

// Whoever started it is gone: so is its reason to run.
process.on('disconnect', () => process.exit());
process.on('message', (order: LoadOrder) => {
  obey(order).then(
    () => process.send?.({ id: order.id } satisfies LoadAnswer),
    (error: unknown) => process.send?.({ id: order.id, error: String(error) } satisfies LoadAnswer),
  );
});
