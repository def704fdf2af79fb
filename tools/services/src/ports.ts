import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Ports below those that systems give to outgoing connections, so that the port of a server that is stopped for a while stays
 * free for its next start.
 */
const first = 18_000;
const last = 31_999;
const given = new Set<number>();

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A loopback port that nobody listens on, and that this process did not give before. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1_000; tries++) {
    const port = randomInt(first, last + 1);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
    given.delete(port);
  }
  throw new Error(`No free port was found between ${first} and ${last}.`);
}

/** Lets a port be given again. */
export function returnPort(port: number): void {
  given.delete(port);
}
