import { randomBytes } from 'node:crypto';
import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';

export interface Aim {
  readonly fault: 'before-request' | 'after-request' | 'garbage';
  readonly containing: string | undefined;
}

/** One client's connection and the one to the server that belongs to it. */
export class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #faultFor: (request: Buffer) => Aim['fault'] | undefined;
  /** What waits while the bytes are held back; read on meanwhile, so that a client that leaves is noticed. */
  readonly #held: (() => void)[] = [];
  #holding = false;
  /** The next bytes of the server are the reply that must not arrive. */
  #dropReply = false;
  #deaf = false;

  constructor(client: Socket, server: TcpNetConnectOpts, faultFor: (request: Buffer) => Aim['fault'] | undefined) {
    this.#client = client;
    this.#server = connect({ ...server, allowHalfOpen: true, noDelay: true });
    this.#faultFor = faultFor;
    client.on('data', (bytes) => this.#when(() => this.#request(bytes)));
    client.on('end', () => this.#when(() => this.#server.end()));
    this.#server.on('data', (bytes) => this.#when(() => this.#reply(bytes)));
    this.#server.on('end', () => this.#when(() => this.#client.end()));
    for (const [side, other] of [
      [client, this.#server],
      [this.#server, client],
    ] as const) {
      side.on('drain', () => other.resume());
      // What went wrong on one side is told to the other by the reset.
      side.on('error', () => this.reset());
    }
    client.on('close', () => this.#server.destroy());
  }

  hold(): void {
    this.#holding = true;
  }

  pass(): void {
    this.#holding = false;
    for (const step of this.#held.splice(0)) step();
  }

  reset(): void {
    for (const side of [this.#client, this.#server]) {
      // A reset would wait for a connection that is still being made, and leaves one open that has said its last word.
      if (side.connecting || side.writableEnded) side.destroy();
      else side.resetAndDestroy();
    }
  }

  #when(step: () => void): void {
    if (this.#holding) this.#held.push(step);
    else step();
  }

  #request(bytes: Buffer): void {
    if (this.#deaf) return;
    const fault = this.#faultFor(bytes);
    if (fault === 'before-request') this.reset();
    else if (fault === 'garbage') this.#answerGarbage();
    else {
      if (fault === 'after-request') this.#dropReply = true;
      if (!this.#server.write(bytes)) this.#client.pause();
    }
  }

  #reply(bytes: Buffer): void {
    if (this.#dropReply) this.reset();
    else if (!this.#client.write(bytes)) this.#server.pause();
  }

  #answerGarbage(): void {
    this.#deaf = true;
    this.#server.destroy();
    this.#client.write(randomBytes(256));
    this.#client.destroySoon();
  }
}
