import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fingerprint, homeFolder } from './home.ts';
import { onMessage, type Reply, type Request, send, socketName } from './protocol.ts';

export type Answer = Exclude<Reply, { progress: string } | { error: string }>;

/** A connection to the daemon. What was asked for on it is held until it is closed, or this process ends. */
export interface Connection {
  ask(request: Request): Promise<Answer>;
  /** Lets go of everything; resolves when the daemon has. */
  close(): Promise<void>;
  /** Resolves when the daemon has gone or hung up. */
  readonly closed: Promise<void>;
}

/** The daemon went away before it answered. */
class HungUp extends Error {
  override readonly name = 'HungUp';
}

const startSeconds = 30;

function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

/** The daemon of this fingerprint, if one runs. */
async function findDaemon(): Promise<Socket | undefined> {
  const runs = await homeFolder('run');
  const prefix = `${fingerprint()}-`;
  for (const name of await readdir(runs)) {
    if (!name.startsWith(prefix)) continue;
    const socket = await tryConnect(join(runs, name, socketName));
    if (socket !== undefined) return socket;
  }
  return undefined;
}

/** Starts the daemon; harmless when another one is quicker. */
async function startDaemon(): Promise<void> {
  const fromSource = import.meta.url.endsWith('.ts');
  const entry = fileURLToPath(new URL(fromSource ? './daemon-main.ts' : './daemon-main.js', import.meta.url));
  const log = openSync(join(await homeFolder('logs'), 'daemon.log'), 'a');
  // Nothing of a test runner's goes on to the servers.
  const { NODE_OPTIONS: _, JEST_WORKER_ID: __, ...env } = process.env;
  const child = spawn(process.execPath, [...(fromSource ? ['--import', 'tsx'] : []), entry, fingerprint()], {
    cwd: fileURLToPath(new URL('../', import.meta.url)),
    detached: true,
    env,
    stdio: ['ignore', log, log],
  });
  child.unref();
  closeSync(log);
}

/** Connects to the daemon, which is started when there is none. */
async function connectDaemon(onProgress?: (text: string) => void): Promise<Connection> {
  const deadline = Date.now() + startSeconds * 1_000;
  let nextStart = 0;
  while (Date.now() < deadline) {
    const socket = await findDaemon();
    if (socket !== undefined) return converse(socket, onProgress);
    if (Date.now() > nextStart) {
      await startDaemon();
      // It may have found another one that was ending.
      nextStart = Date.now() + 3_000;
    }
    await delay(30);
  }
  const log = join(await homeFolder('logs'), 'daemon.log');
  throw new Error(
    `The daemon of the services did not start within ${startSeconds} s; see ${log}. A long STORAGE_SERVICES_HOME makes its socket fail.`,
  );
}

/** A connection to a daemon that runs already. */
export async function connectRunning(): Promise<Connection | undefined> {
  const socket = await findDaemon();
  return socket && converse(socket);
}

function converse(socket: Socket, onProgress?: (text: string) => void): Connection {
  let pending: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  const settle = (): typeof pending => {
    const settled = pending;
    pending = undefined;
    return settled;
  };
  onMessage<Reply>(socket, (reply) => {
    if ('progress' in reply) onProgress?.(reply.progress);
    else if ('error' in reply) settle()?.reject(new Error(reply.error));
    else settle()?.resolve(reply);
  });
  const hangUp = (): void => {
    settle()?.reject(new HungUp('The daemon of the services ended before it answered.'));
    socket.destroy();
  };
  socket.on('end', hangUp);
  socket.on('error', hangUp);
  socket.on('close', hangUp);
  return {
    closed,
    async ask(request) {
      socket.ref();
      try {
        return await new Promise<Answer>((resolve, reject) => {
          if (socket.destroyed) reject(new HungUp('The daemon of the services has ended.'));
          pending = { resolve, reject };
          send(socket, request);
        });
      } finally {
        // A lease that is only held must not hold its process.
        socket.unref();
      }
    },
    async close() {
      if (socket.destroyed) return;
      socket.ref();
      socket.end();
      await closed;
    },
  };
}

/** Asks on a connection of its own, which stays open. A daemon that was ending when it was asked is replaced. */
export async function askDaemon(
  request: Request,
  onProgress?: (text: string) => void,
): Promise<{ connection: Connection; answer: Answer }> {
  for (let tries = 1; ; tries++) {
    const connection = await connectDaemon(onProgress);
    try {
      return { connection, answer: await connection.ask(request) };
    } catch (error) {
      await connection.close();
      if ((error as Error).name !== 'HungUp' || tries === 3) throw error;
    }
  }
}
