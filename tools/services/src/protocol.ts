import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { AbsentService, Service, ServiceName } from './service.ts';

/**
 * What goes over the daemon's socket, a line of JSON each. A connection is a lease of what it asked for: it ends when the
 * connection does, however its process ends. One request at a time.
 */
export type Request =
  | { readonly ask: 'lease'; readonly name: ServiceName }
  | { readonly ask: 'own'; readonly name: ServiceName; readonly durable: boolean }
  | { readonly ask: 'install'; readonly name: ServiceName }
  /** Of the server that `own` started on this connection. */
  | { readonly ask: 'stop' | 'kill' | 'start' }
  | { readonly ask: 'status' }
  /** Ends the shared servers of these names, leased or not. */
  | { readonly ask: 'down'; readonly names: readonly ServiceName[] };

/** A server that others can lease too, as `status` tells of it. */
export interface SharedState {
  readonly name: ServiceName;
  readonly leases: number;
  /** Missing: it is being installed or started. */
  readonly service?: Service | AbsentService;
}

export interface DaemonStatus {
  readonly pid: number;
  readonly shared: readonly SharedState[];
  /** How many servers of their own programs have. */
  readonly own: number;
}

export type Reply =
  | { readonly progress: string }
  | { readonly service: Service | AbsentService }
  | { readonly status: DaemonStatus }
  | { readonly done: true }
  | { readonly error: string };

/** The daemon's socket in its folder. */
export const socketName = 'socket';

export function send(socket: Socket, message: Request | Reply): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** Calls `take` with every message that comes. */
export function onMessage<Message extends Request | Reply>(socket: Socket, take: (message: Message) => void): void {
  const lines = createInterface({ input: socket });
  lines.on('line', (line) => take(JSON.parse(line) as Message));
}
