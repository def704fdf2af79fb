import { type StandInOptions, startStandIn } from '../src/index.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: an answer is any JSON, and each test says what it expects of it.
  readonly body: any;
}

export interface Caller {
  readonly url: string;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Makes a serverless index (or what `input` says) and answers the path of its data. */
  index(input?: object): Promise<string>;
  close(): Promise<void>;
}

export const serverless = { serverless: { cloud: 'aws', region: 'us-east-1' } };

/** Starts a stand-in without delays (unless options say so) and speaks HTTP with it. */
export async function startCaller(options: StandInOptions = {}): Promise<Caller> {
  const standIn = await startStandIn({ consistencyDelayMs: 0, readyDelayMs: 0, ...options });
  let made = 0;
  const call: Caller['call'] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${standIn.url}${path}`, {
      method,
      headers: {
        'api-key': 'key',
        'x-pinecone-api-version': '2026-04',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
  };
  return {
    url: standIn.url,
    call,
    async index(input = {}) {
      made += 1;
      const name = `index-${made}`;
      const created = await call('POST', '/indexes', { name, dimension: 2, spec: serverless, ...input });
      if (created.status !== 201) throw new Error(JSON.stringify(created.body));
      return new URL(created.body.host).pathname;
    },
    close: () => standIn.close(),
  };
}
