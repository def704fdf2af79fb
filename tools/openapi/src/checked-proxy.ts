import {
  Agent,
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Vendor } from './documents.ts';
import { ExchangeCheck, type HttpRequest, type Named, type Violation } from './exchange-check.ts';
import { IndexHosts } from './index-hosts.ts';
import type { Operation } from './operations.ts';

export interface CheckedProxyOptions {
  /** The server behind it, for example `http://127.0.0.1:6333`. */
  readonly target: string;
  /** Whose documents its requests are held against; of several, the one whose path fits. */
  readonly documents: readonly Vendor[];
  /**
   * Where a member that no schema names is refused although the document leaves the object open: in requests (default), in
   * responses as well, or nowhere. Objects without named members, as payloads and metadata, stay open in any case.
   */
  readonly named?: Named;
}

/** A violation, and how often it was met. */
export interface MetViolation extends Violation {
  readonly times: number;
}

/** A reverse proxy on the loopback that passes everything on and notes what differs from the documents. */
export interface CheckedProxy extends AsyncDisposable {
  /** In place of the server's own URL. */
  readonly url: string;
  /** What the client sent that the documents do not know, in order of appearance. */
  readonly violations: readonly MetViolation[];
  /** What the server answered that the documents do not know. */
  readonly responseViolations: readonly MetViolation[];
  /** Requests that were checked, by operation: `PUT /collections/{collection_name}/points`. */
  readonly checked: ReadonlyMap<string, number>;
}

const largestBody = 64 * 1024 * 1024;

export async function startCheckedProxy(options: CheckedProxyOptions): Promise<CheckedProxy> {
  const proxy = new HttpProxy(options);
  await proxy.open();
  return proxy;
}

class HttpProxy implements CheckedProxy {
  readonly #target: URL;
  readonly #check: ExchangeCheck;
  // Shorter than servers keep an idle connection, so that none is used that is just being closed.
  readonly #agent = new Agent({ keepAlive: true, timeout: 2000 });
  readonly #server: Server = createServer((incoming, outgoing) => void this.#serve(incoming, outgoing));
  readonly #met = { requests: new Map<string, MetViolation>(), responses: new Map<string, MetViolation>() };
  readonly #checked = new Map<string, number>();
  #hosts: IndexHosts | undefined;

  constructor({ target, documents, named }: CheckedProxyOptions) {
    this.#target = new URL(target);
    if (this.#target.protocol !== 'http:') throw new Error(`target is ${target}: only http: is proxied.`);
    if (documents.length === 0) throw new Error('documents is empty: name whose requests are checked.');
    this.#check = new ExchangeCheck(documents, named ?? 'requests');
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get violations(): readonly MetViolation[] {
    return [...this.#met.requests.values()];
  }

  get responseViolations(): readonly MetViolation[] {
    return [...this.#met.responses.values()];
  }

  get checked(): ReadonlyMap<string, number> {
    return this.#checked;
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    this.#hosts = new IndexHosts(this.#target.port || '80', String(this.#port));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await closed;
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const method = incoming.method ?? '';
    const url = incoming.url ?? '';
    try {
      const body = await read(incoming);
      const asked = { method, url: this.#hosts?.withoutPrefix(url) ?? url, headers: incoming.headers, body };
      const { operation, violations } = this.#check.request(asked);
      note(this.#met.requests, violations);
      if (operation !== undefined) this.#checked.set(operation.name, (this.#checked.get(operation.name) ?? 0) + 1);
      await this.#pass({ ...asked, url }, operation, outgoing);
    } catch (error) {
      // A client that hung up, a server that is gone, a body without end: the client sees a broken connection, as without the proxy.
      outgoing.destroy(error instanceof Error ? error : undefined);
    }
  }

  async #pass(asked: HttpRequest, operation: Operation | undefined, outgoing: ServerResponse): Promise<void> {
    const answer = await this.#forward(asked, outgoing);
    let body = await read(answer);
    const status = answer.statusCode ?? 0;
    if (operation !== undefined) {
      note(this.#met.responses, this.#check.response(operation, status, { headers: answer.headers, body }));
      if (operation.document.vendor === 'pinecone-control') body = this.#hosts?.through(body) ?? body;
    }
    const headers = { ...answer.headers };
    // The body is whole here, and may have become longer.
    delete headers['transfer-encoding'];
    delete headers.connection;
    if (status !== 204 && status !== 304) headers['content-length'] = String(body.length);
    outgoing.writeHead(status, headers).end(body);
  }

  #forward(asked: HttpRequest, outgoing: ServerResponse): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = this.#target;
      const headers: OutgoingHttpHeaders = { ...asked.headers };
      // What comes back is read, so it must not be packed; and the body is sent whole.
      headers['accept-encoding'] = 'identity';
      headers['host'] = this.#hosts?.behind(String(headers['host'] ?? '')) ?? this.#target.host;
      delete headers['connection'];
      delete headers['transfer-encoding'];
      if (asked.body.length > 0) headers['content-length'] = String(asked.body.length);
      const sent = request(
        { agent: this.#agent, host: hostname, port: port || 80, method: asked.method, path: asked.url, headers },
        resolve,
      );
      sent.once('error', reject);
      outgoing.once('close', () => {
        if (!outgoing.writableFinished) sent.destroy();
      });
      sent.end(asked.body);
    });
  }
}

function note(met: Map<string, MetViolation>, violations: readonly Violation[]): void {
  for (const violation of violations) {
    const key = JSON.stringify(violation);
    met.set(key, { ...violation, times: (met.get(key)?.times ?? 0) + 1 });
  }
}

async function read(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of message as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > largestBody)
      throw new Error(`A body is larger than ${largestBody} bytes; the checked proxy passes no larger one.`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
