import { type StandInOptions, startStandIn } from '../src/index.ts';

/** What tests read of the answers, of whatever request. */
interface AnswerBody {
  readonly code: number;
  readonly message: string;
  readonly host: string;
  readonly spec: { readonly pod: object };
  readonly status?: { readonly state: string };
  readonly indexes: readonly object[];
  readonly matches: readonly {
    readonly id: string;
    readonly score: number;
    readonly values: readonly number[];
    readonly metadata?: object;
  }[];
  /** A map by id of fetches, a list of lists. */
  readonly vectors: Readonly<
    Record<string, { readonly id: string; readonly values: number[]; readonly metadata?: object }>
  >;
  readonly namespaces: readonly { readonly name: string }[];
  readonly pagination?: { readonly next: string };
  readonly matchedRecords: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Empty where the answer has none. */
  readonly body: AnswerBody;
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
    return {
      status: response.status,
      headers: response.headers,
      body: JSON.parse(text === '' ? '{}' : text) as AnswerBody,
    };
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
