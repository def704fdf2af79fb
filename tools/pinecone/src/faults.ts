import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { controlRefusal, type Refusal, rpcRefusal } from './errors.ts';

/** What goes wrong with the next requests. */
export interface Fault {
  /**
   * `rate-limit`: 429 with `Retry-After`. `internal`: 500. `unavailable`: 503. `hang`: no answer, until the client
   * goes or faults are cleared. `reset`: the connection breaks.
   */
  readonly kind: 'rate-limit' | 'internal' | 'unavailable' | 'hang' | 'reset';
  /** How many requests it befalls. Missing: 1. */
  readonly count?: number;
  /** `before`: nothing is done. `after`: the request is carried out, only its answer is lost. Missing: `before`. */
  readonly when?: 'before' | 'after';
  /** Only requests of this index; missing: of any, and of the control plane. */
  readonly index?: string;
  /** Only requests of this path: `/query`, `/indexes/products`; missing: of any. */
  readonly path?: string;
  /** What `Retry-After` says, in seconds. Missing: 1. */
  readonly retryAfterSeconds?: number;
}

const schema = {
  type: 'object',
  properties: {
    kind: { enum: ['rate-limit', 'internal', 'unavailable', 'hang', 'reset'] },
    count: { type: 'integer', minimum: 1 },
    when: { enum: ['before', 'after'] },
    index: { type: 'string' },
    path: { type: 'string' },
    retryAfterSeconds: { type: 'number', minimum: 0 },
  },
  required: ['kind'],
  additionalProperties: false,
} as const;

const texts = {
  'rate-limit': 'Too many requests. Retry after the time that Retry-After says.',
  internal: 'Internal server error',
  unavailable: 'Service unavailable',
} as const;

/** Which index and which path a request is of: the index's data are under `/data/<host>`. */
function target(url: string): { index: string | undefined; path: string } {
  const [, host, rest] = /^\/data\/([^/]+)(\/.*)$/.exec(url) ?? [];
  if (host !== undefined && rest !== undefined) return { index: host.replace(/-[a-z0-9]+$/, ''), path: rest };
  return { index: /^\/indexes\/([^/]+)/.exec(url)?.[1], path: url };
}

function refusalOf(kind: keyof typeof texts, ofData: boolean): Refusal {
  const text = texts[kind];
  if (kind === 'rate-limit') return ofData ? rpcRefusal(8, text) : controlRefusal(429, 'RESOURCE_EXHAUSTED', text);
  if (kind === 'internal') return ofData ? rpcRefusal(13, text) : controlRefusal(500, 'UNKNOWN', text);
  return ofData ? rpcRefusal(14, text) : controlRefusal(503, 'UNAVAILABLE', text);
}

/**
 * Makes the next requests go wrong on demand: `POST /_stand-in/faults` with a `Fault`, `DELETE /_stand-in/faults` to
 * end all. No path of the vendor's begins so.
 */
export class Faults {
  #planned: { readonly fault: Fault; left: number }[] = [];
  readonly #hanging = new Set<() => void>();

  routes(server: FastifyInstance): void {
    server.post<{ Body: Fault }>('/_stand-in/faults', { schema: { body: schema } }, async (request, reply) => {
      this.#planned.push({ fault: request.body, left: request.body.count ?? 1 });
      return reply.status(204).send();
    });
    server.delete('/_stand-in/faults', async (_request, reply) => {
      this.clear();
      return reply.status(204).send();
    });
  }

  /** Ends all faults; requests that hang are cut off. */
  clear(): void {
    this.#planned = [];
    for (const release of this.#hanging) release();
    this.#hanging.clear();
  }

  /** Lets the request pass, or answers it with the fault that befalls it. */
  async befall(when: 'before' | 'after', request: FastifyRequest, reply: FastifyReply): Promise<Refusal | undefined> {
    const url = request.url.split('?', 1)[0] ?? '';
    const fault = this.#take(when, target(url));
    if (fault === undefined) return undefined;
    const { kind } = fault;
    if (kind === 'hang' || kind === 'reset') {
      if (kind === 'hang') await this.#hang(request);
      reply.hijack();
      request.raw.socket.destroy();
      return undefined;
    }
    if (kind === 'rate-limit') reply.header('retry-after', String(fault.retryAfterSeconds ?? 1));
    return refusalOf(kind, url.startsWith('/data/'));
  }

  #take(when: 'before' | 'after', of: { index: string | undefined; path: string }): Fault | undefined {
    const found = this.#planned.find(
      ({ fault }) =>
        (fault.when ?? 'before') === when &&
        (fault.index === undefined || fault.index === of.index) &&
        (fault.path === undefined || fault.path === of.path),
    );
    if (found === undefined) return undefined;
    found.left -= 1;
    if (found.left === 0) this.#planned = this.#planned.filter((planned) => planned !== found);
    return found.fault;
  }

  #hang(request: FastifyRequest): Promise<void> {
    return new Promise((resolve) => {
      this.#hanging.add(resolve);
      request.raw.socket.once('close', () => {
        this.#hanging.delete(resolve);
        resolve();
      });
    });
  }
}
