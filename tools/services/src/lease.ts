import { isAbsent } from './acquire.ts';
import { askDaemon, type Connection } from './client.ts';
import { loadRecipe, urlVariable } from './recipes.ts';
import {
  type AbsentService,
  type OwnService,
  type Service,
  type ServiceLease,
  type ServiceName,
  serviceNames,
} from './service.ts';

export interface LeaseOptions {
  /** Hears what is being done while one waits: `installing`, `starting`. */
  readonly onProgress?: (text: string) => void;
}

/** Whether `STORAGE_REQUIRE` names it: then its absence is a failure. Throws for a name there that is none. */
export function isRequired(name: ServiceName): boolean {
  const required = (process.env['STORAGE_REQUIRE'] ?? '').split(',').map((part) => part.trim());
  const known: readonly string[] = ['', ...serviceNames];
  const unknown = required.find((part) => !known.includes(part));
  if (unknown !== undefined) {
    throw new Error(`STORAGE_REQUIRE names ${JSON.stringify(unknown)}; there are ${serviceNames.join(', ')}.`);
  }
  return required.includes(name);
}

function held<Found extends Service>(service: Found, release: () => Promise<void>): Found & ServiceLease {
  return { ...service, release, [Symbol.asyncDispose]: release };
}

/** The server at the URL that the user gave, if there is one. Throws when it does not answer. */
async function fromUrl(name: ServiceName): Promise<Service | undefined> {
  const variable = urlVariable(name);
  const url = process.env[variable];
  if (url === undefined || url === '') return undefined;
  const recipe = await loadRecipe(name);
  try {
    return { name, server: recipe.server, how: 'url', url, ...(await recipe.probe(url)) };
  } catch (error) {
    throw new Error(`${variable} is set, and no ${recipe.server} answers there: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/**
 * A server that others use too: the one at `STORAGE_TEST_<NAME>_URL`, else from Docker, else a local install. Touch nothing on it
 * that isn't yours, and remove what is. Absent when it can't be had here; throws when the variable is set and nobody answers.
 */
export async function leaseService(
  name: ServiceName,
  options: LeaseOptions = {},
): Promise<ServiceLease | AbsentService> {
  const given = await fromUrl(name);
  if (given !== undefined) return held(given, async () => undefined);
  const { connection, answer } = await askDaemon({ ask: 'lease', name }, options.onProgress);
  return await leased(connection, answer);
}

async function leased(
  connection: Connection,
  answer: Awaited<ReturnType<typeof askDaemon>>['answer'],
): Promise<ServiceLease | AbsentService> {
  if (!('service' in answer)) throw new Error('The daemon of the services answered something else.');
  const { service } = answer;
  if (!isAbsent(service)) return held(service, () => connection.close());
  await connection.close();
  return service;
}

/**
 * Starts a server of one's own from the local install, whatever URL or Docker there is: it can be stopped, killed and started.
 * `durable`: what it acknowledged is there after a kill. Throws when there is no local install; ask `hasLocal` before.
 */
export async function startOwn(
  name: ServiceName,
  options: LeaseOptions & { readonly durable?: boolean } = {},
): Promise<OwnService> {
  const { durable = false, onProgress } = options;
  const { connection, answer } = await askDaemon({ ask: 'own', name, durable }, onProgress);
  const lease = await leased(connection, answer);
  if (isAbsent(lease)) throw new Error(`No ${lease.server} of its own can be started: ${lease.why}`);
  const tell = async (ask: 'stop' | 'kill' | 'start'): Promise<void> => {
    await connection.ask({ ask });
  };
  return { ...lease, stop: () => tell('stop'), kill: () => tell('kill'), start: () => tell('start') };
}

/** Installs a server locally, and says why when that is not possible here. */
export async function installService(name: ServiceName, options: LeaseOptions = {}): Promise<void> {
  const { connection } = await askDaemon({ ask: 'install', name }, options.onProgress);
  await connection.close();
}

/** Leases servers side by side for the time of `body`. Throws when one is absent. */
export async function withServices<const Names extends readonly ServiceName[], Result>(
  names: Names,
  body: (services: Readonly<Record<Names[number], Service>>) => Result | Promise<Result>,
  options: LeaseOptions = {},
): Promise<Result> {
  const asked = await Promise.allSettled(names.map((name) => leaseService(name, options)));
  const leases = asked.flatMap((each) => (each.status === 'fulfilled' && !isAbsent(each.value) ? [each.value] : []));
  try {
    for (const each of asked) {
      if (each.status === 'rejected') throw each.reason;
      if (isAbsent(each.value)) throw new Error(`${each.value.server} is absent: ${each.value.why}`);
    }
    const services = Object.fromEntries(leases.map((lease) => [lease.name, lease]));
    return await body(services as unknown as Record<Names[number], Service>);
  } finally {
    await Promise.all(leases.map((lease) => lease.release()));
  }
}
