import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { acquire, acquireLocal, isAbsent } from './acquire.ts';
import { createCache, removeFolder } from './home.ts';
import type { LocalServer, RunningServer } from './local-server.ts';
import { type DaemonStatus, onMessage, type Reply, type Request, send } from './protocol.ts';
import { loadRecipe } from './recipes.ts';
import type { RunRecord } from './run-record.ts';
import type { AbsentService, ServiceName } from './service.ts';

/** How long a server without leases, and a daemon without connections, stay: the next test file is likely to ask again. */
export const lingerMs = 4_000;

interface Shared {
  readonly name: ServiceName;
  readonly watchers: Set<(text: string) => void>;
  /** Hang up on those who lease it. */
  readonly holders: Set<() => void>;
  readonly result: Promise<RunningServer | AbsentService>;
  /** What `result` became. */
  settled?: RunningServer | AbsentService;
  timer?: NodeJS.Timeout;
}

export const socketName = 'socket';

/** Serves leases until nobody is connected any more, then ends everything and removes its folder. */
export async function runDaemon(record: RunRecord): Promise<void> {
  const shared = new Map<ServiceName, Shared>();
  const ending = new Set<Promise<void>>();
  /** How to let go of what each holds. */
  const connections = new Map<Socket, () => Promise<void>>();
  let own = 0;
  let idle: NodeJS.Timeout | undefined;
  let finish: () => void;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });

  const whenIdle = (): void => {
    clearTimeout(idle);
    if (connections.size > 0) return;
    // An absence is remembered as long as anybody is connected, or every test file would try to install again.
    for (const { name, settled } of shared.values())
      if (settled !== undefined && isAbsent(settled)) shared.delete(name);
    if (shared.size === 0) idle = setTimeout(() => finish(), lingerMs);
  };

  /** Takes a shared server out of the list and ends it. */
  const end = (entry: Shared): Promise<void> => {
    clearTimeout(entry.timer);
    if (shared.get(entry.name) === entry) shared.delete(entry.name);
    const ended = entry.result
      .then(async (result) => {
        if (!isAbsent(result)) await result.dispose();
      })
      .catch(report)
      .finally(() => {
        ending.delete(ended);
        whenIdle();
      });
    ending.add(ended);
    return ended;
  };

  const takeDown = async (entry: Shared): Promise<void> => {
    const { holders } = entry;
    await end(entry);
    for (const hangUp of holders) hangUp();
  };

  const begin = (name: ServiceName): Shared => {
    const watchers = new Set<(text: string) => void>();
    const progress = (text: string): void => {
      for (const tell of watchers) tell(text);
    };
    const result = loadRecipe(name).then((recipe) => acquire(recipe, record, progress));
    const entry: Shared = { name, watchers, holders: new Set(), result };
    result.then(
      (settled) => {
        entry.settled = settled;
      },
      () => shared.delete(name),
    );
    shared.set(name, entry);
    return entry;
  };

  const lease = async (
    name: ServiceName,
    tell: (text: string) => void,
    release: Release,
    hangUp: () => void,
  ): Promise<Reply> => {
    let entry = shared.get(name);
    // Somebody ended it behind our back.
    if (entry?.settled !== undefined && !isAbsent(entry.settled) && !entry.settled.running()) {
      await end(entry);
      entry = undefined;
    }
    entry ??= shared.get(name) ?? begin(name);
    const held = entry;
    clearTimeout(held.timer);
    held.holders.add(hangUp);
    held.watchers.add(tell);
    release(() => {
      held.holders.delete(hangUp);
      held.watchers.delete(tell);
      if (held.holders.size > 0 || shared.get(name) !== held || (held.settled !== undefined && isAbsent(held.settled)))
        return;
      held.timer = setTimeout(() => void end(held), lingerMs);
    });
    const result = await held.result;
    held.watchers.delete(tell);
    return { service: isAbsent(result) ? result : result.service };
  };

  const startOwn = async (
    name: ServiceName,
    durable: boolean,
    tell: (text: string) => void,
    release: Release,
  ): Promise<{ reply: Reply; server?: LocalServer }> => {
    const starting = loadRecipe(name).then((recipe) => acquireLocal(recipe, record, durable, tell));
    own++;
    release(async () => {
      const server = await starting;
      if (!isAbsent(server)) await server.dispose();
      own--;
    });
    const server = await starting;
    return isAbsent(server) ? { reply: { service: server } } : { reply: { service: server.service }, server };
  };

  const status = (): DaemonStatus => ({
    pid: process.pid,
    own,
    shared: [...shared.values()].map(({ name, holders, settled }) => ({
      name,
      leases: holders.size,
      ...(settled === undefined ? {} : { service: isAbsent(settled) ? settled : settled.service }),
    })),
  });

  const serve = (socket: Socket): void => {
    clearTimeout(idle);
    const releases: (() => void | Promise<void>)[] = [];
    const release: Release = (each) => releases.push(each);
    let server: LocalServer | undefined;
    let closed = false;
    const tell = (text: string): void => send(socket, { progress: text });

    const answer = async (request: Request): Promise<Reply> => {
      switch (request.ask) {
        case 'lease':
          return await lease(request.name, tell, release, () => void close());
        case 'own': {
          const started = await startOwn(request.name, request.durable, tell, release);
          server = started.server;
          return started.reply;
        }
        case 'install': {
          const recipe = await loadRecipe(request.name);
          const why = await recipe.missing();
          if (why !== undefined) return { error: why };
          await recipe.install(createCache(tell));
          return { done: true };
        }
        case 'status':
          return { status: status() };
        case 'down':
          await Promise.all(request.names.flatMap((name) => shared.get(name) ?? []).map(takeDown));
          return { done: true };
        default:
          if (server === undefined) throw new Error('This connection has no server of its own.');
          await server[request.ask]();
          return { done: true };
      }
    };

    const close = async (): Promise<void> => {
      if (closed) return;
      closed = true;
      try {
        for (const each of releases.splice(0)) await each();
      } catch (error) {
        report(error);
      }
      connections.delete(socket);
      socket.end();
      whenIdle();
    };

    connections.set(socket, close);
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
  };

  // The other end closes its half first, and hears the end of ours when all that it held is gone.
  const listener = createServer({ allowHalfOpen: true }, serve);
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(join(record.folder, socketName), () => resolve());
  });
  whenIdle();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => finish());

  await finished;
  listener.close();
  await Promise.all([...connections.values()].map((close) => close()));
  for (const entry of [...shared.values()]) void end(entry);
  await Promise.all(ending);
  await removeFolder(record.folder);
}

type Release = (release: () => void | Promise<void>) => void;

function report(error: unknown): void {
  process.stderr.write(`${new Date().toISOString()} ${(error as Error).stack ?? String(error)}\n`);
}
