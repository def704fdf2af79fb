import { createServer, type Server, type Socket } from 'node:net';
import { freePort, returnPort } from './ports.ts';
import { type Aim, Link } from './proxy-link.ts';

/**
 * What happens to one request:
 * - `before-request`: its connection is cut, and nothing of it reaches the server.
 * - `after-request`: it reaches the server, and its connection is cut in place of the first byte of the reply, so the server has done
 *   the work and the client does not know.
 * - `garbage`: it is answered with random bytes and the connection ends; nothing of it reaches the server.
 */
export type Fault = Aim['fault'];

/** A TCP proxy on the loopback that fails as it is told. Its disposal resets what is open and closes the port. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections of clients that are open now. */
  readonly connections: number;
  /** Connections of clients that were accepted since the start. */
  readonly accepted: number;
  /** Faults of `onNext` that have struck since the start. */
  readonly struck: number;
  /** Resets every connection and refuses new ones, as a server that has crashed. Resolves when the port is closed. */
  cut(): Promise<void>;
  /** Accepts again after `cut`, on the same port. */
  restore(): Promise<void>;
  /** Passes no bytes in either direction; connections stay open and new ones are accepted. */
  stall(): void;
  /** Passes what was held back since `stall`, in order, also of clients that have hung up meanwhile, and goes on. */
  resume(): void;
  /**
   * Lets one fault strike the next request: the next bytes of any client, new or connected. With `containing`, the next bytes in which
   * this text occurs, so that heartbeats and handshakes are spared. Several wait in the order in which they were given.
   */
  onNext(fault: Fault, containing?: string): void;
}

export interface FaultProxyOptions {
  /** The server behind it. Default: the loopback. */
  readonly host?: string;
  readonly port: number;
}

export async function createProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = new TcpProxy(options.host ?? '127.0.0.1', options.port);
  await proxy.open();
  return proxy;
}

class TcpProxy implements FaultProxy {
  readonly #host: string;
  readonly #serverPort: number;
  readonly #links = new Set<Link>();
  readonly #aims: Aim[] = [];
  #listener: Server | undefined;
  #port = 0;
  #accepted = 0;
  #struck = 0;
  #stalled = false;

  constructor(host: string, port: number) {
    this.#host = host;
    this.#serverPort = port;
  }

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#links.size;
  }

  get accepted(): number {
    return this.#accepted;
  }

  get struck(): number {
    return this.#struck;
  }

  async open(): Promise<void> {
    for (let attempt = 1; this.#listener === undefined; attempt++) {
      const port = await freePort();
      try {
        await this.#listen(port);
        this.#port = port;
      } catch (error) {
        returnPort(port);
        if (attempt === 5) throw error;
      }
    }
  }

  async cut(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    const closed = listener === undefined ? undefined : new Promise((resolve) => listener.close(resolve));
    for (const link of this.#links) link.reset();
    await closed;
  }

  async restore(): Promise<void> {
    if (this.#listener === undefined) await this.#listen(this.#port);
  }

  stall(): void {
    this.#stalled = true;
    for (const link of this.#links) link.hold();
  }

  resume(): void {
    this.#stalled = false;
    for (const link of this.#links) link.pass();
  }

  onNext(fault: Fault, containing?: string): void {
    this.#aims.push({ fault, containing });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
    returnPort(this.#port);
  }

  async #listen(port: number): Promise<void> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(port, '127.0.0.1', resolve);
    });
    this.#listener = listener;
  }

  #accept(client: Socket): void {
    this.#accepted++;
    const link = new Link(client, { host: this.#host, port: this.#serverPort }, (bytes) => this.#faultFor(bytes));
    this.#links.add(link);
    client.once('close', () => this.#links.delete(link));
    if (this.#stalled) link.hold();
    // Accepted in the moment of the cut.
    if (this.#listener === undefined) link.reset();
  }

  #faultFor(bytes: Buffer): Fault | undefined {
    const [aim] = this.#aims;
    if (aim === undefined || (aim.containing !== undefined && !bytes.includes(aim.containing))) return undefined;
    this.#aims.shift();
    this.#struck++;
    return aim.fault;
  }
}
