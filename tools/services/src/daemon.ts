import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { acquireLocal, isAbsent } from './acquire.ts';
import { createCache, removeFolder } from './home.ts';
import type { LocalServer } from './local-server.ts';
import { onMessage, type Reply, type Request, send, socketName } from './protocol.ts';
import { loadRecipe } from './recipes.ts';
import type { RunRecord } from './run-record.ts';
import type { ServiceName } from './service.ts';
import { createSharedServers, type Holder, lingerMs, type SharedServers } from './shared-servers.ts';

/** Serves leases until nobody is connected any more, then ends everything and removes its folder. */
export async function runDaemon(record: RunRecord): Promise<void> {
  const sessions = new Map<Socket, Session>();
  const { promise: finished, finish } = signal();
  let idle: NodeJS.Timeout | undefined;

  const whenIdle = (): void => {
    clearTimeout(idle);
    if (sessions.size > 0) return;
    shared.forgetAbsences();
    if (shared.states().length === 0) idle = setTimeout(finish, lingerMs);
  };
  const shared = createSharedServers(record, whenIdle, report);

  // The other end closes its half first, and hears the end of ours when all that it held is gone.
  const listener = createServer({ allowHalfOpen: true }, (socket) => {
    clearTimeout(idle);
    const own = (): number => [...sessions.values()].filter((session) => session.hasOwn()).length;
    const session = createSession(socket, shared, record, own, () => {
      sessions.delete(socket);
      whenIdle();
    });
    sessions.set(socket, session);
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(join(record.folder, socketName), () => resolve());
  });
  whenIdle();
  for (const each of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(each, finish);

  await finished;
  listener.close();
  await Promise.all([...sessions.values()].map((session) => session.close()));
  await shared.endAll();
  await removeFolder(record.folder);
}

interface Session {
  hasOwn(): boolean;
  /** Lets go of what it holds, then hangs up. */
  close(): Promise<void>;
}

/** What one connection asks for and holds. */
function createSession(
  socket: Socket,
  shared: SharedServers,
  record: RunRecord,
  countOwn: () => number,
  closed: () => void,
): Session {
  const leased: ServiceName[] = [];
  let own: Promise<LocalServer | undefined> | undefined;
  let closing: Promise<void> | undefined;

  const tell = (text: string): void => send(socket, { progress: text });
  const letGo = async (): Promise<void> => {
    for (const name of leased) shared.release(name, holder);
    await (await own)?.dispose();
  };
  const close = (): Promise<void> => {
    closing ??= letGo()
      .catch(report)
      .finally(() => {
        socket.end();
        closed();
      });
    return closing;
  };
  const holder: Holder = { tell, hangUp: () => void close() };

  const answer = async (request: Request): Promise<Reply> => {
    switch (request.ask) {
      case 'lease':
        leased.push(request.name);
        return { service: await shared.lease(request.name, holder) };
      case 'own': {
        const recipe = await loadRecipe(request.name);
        const starting = acquireLocal(recipe, record, request.durable, tell);
        // Whoever asked hears of a failure; there is nothing to let go of then.
        own = starting.then(
          (result) => (isAbsent(result) ? undefined : result),
          () => undefined,
        );
        const result = await starting;
        return { service: isAbsent(result) ? result : result.service };
      }
      case 'install': {
        const recipe = await loadRecipe(request.name);
        const why = await recipe.missing();
        if (why !== undefined) return { error: why };
        await recipe.install(createCache(tell));
        return { done: true };
      }
      case 'status':
        return { status: { pid: process.pid, own: countOwn(), shared: shared.states() } };
      case 'down':
        await shared.down(request.names);
        return { done: true };
      default: {
        const server = await own;
        if (server === undefined) throw new Error('This connection has no server of its own.');
        await server[request.ask]();
        return { done: true };
      }
    }
  };

  onMessage<Request>(socket, (request) => {
    answer(request).then(
      (reply) => send(socket, reply),
      (error: unknown) => send(socket, { error: (error as Error).message }),
    );
  });
  socket.on('end', () => void close());
  socket.on('close', () => void close());
  // The other end died; `close` follows.
  socket.on('error', report);
  return { hasOwn: () => own !== undefined, close };
}

function signal(): { readonly promise: Promise<void>; finish(): void } {
  let finish: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return { promise, finish: () => finish() };
}

/** Writes it into the daemon's log. */
export function report(error: unknown): void {
  process.stderr.write(`${new Date().toISOString()} ${(error as Error).stack ?? String(error)}\n`);
}
