import { canonicalName, type DataAccess, type DataManager, getDataManager, StorageError } from '../index.ts';
import { guarded } from './permissions.ts';

export interface StorageRequirements {
  /** Names of providers. */
  readonly providers: readonly string[];
  /** Missing: the process's own, as it is when the function is called. */
  readonly dataManager?: DataManager | undefined;
}

/** What a wrapped function carries. */
export interface WithStorage {
  /** The DataManager confined to the named providers; another one is `permission_denied`. */
  readonly storage: DataAccess;
}

type AnyFunction = (this: never, ...args: never[]) => unknown;
/** What a standard method decorator is given beside the method; only told apart from a plain call. */
interface MethodContext {
  readonly kind: 'method';
}

/** A function of the same behaviour, with what the original carried. */
function wrap<F extends AnyFunction>(target: F, call: (self: unknown, args: unknown[]) => unknown): F {
  const wrapped = function (this: unknown, ...args: unknown[]): unknown {
    return call(this, args);
  };
  return Object.defineProperties(wrapped, Object.getOwnPropertyDescriptors(target)) as unknown as F;
}

/**
 * Gives a function `.storage`. As a wrapper: `const agent = storageEnabled({ providers: ['redis'] })(async () => agent.storage.store(…))`;
 * as a standard decorator of a method: `this.method.storage`.
 */
export function storageEnabled({
  providers,
  dataManager,
}: StorageRequirements): <F extends AnyFunction>(target: F, context?: MethodContext) => F & WithStorage {
  const names = new Set(providers.map(canonicalName));
  return (target) => {
    const wrapped = wrap(target, (self, args) => Reflect.apply(target, self as never, args as never[]));
    return Object.defineProperty(wrapped, 'storage', {
      get: () =>
        guarded(
          dataManager ?? getDataManager(),
          (name) => names.has(canonicalName(name)),
          `a function with storage of ${providers.join(', ')}`,
        ),
    }) as typeof target & WithStorage;
  };
}

/**
 * Checks, before the function's body runs, that every named provider is registered and healthy (degraded will do). Fails with
 * `not_registered` or `unavailable`, naming each provider that is missing or unhealthy; `details` is `{ missing, unhealthy }`.
 * Wrapper and decorator as `storageEnabled`.
 */
export function requiresStorage({
  providers,
  dataManager,
}: StorageRequirements): <F extends (this: never, ...args: never[]) => Promise<unknown>>(
  target: F,
  context?: MethodContext,
) => F {
  return (target) =>
    wrap(target, async (self, args) => {
      await requireProviders(dataManager ?? getDataManager(), providers);
      return Reflect.apply(target, self as never, args as never[]);
    });
}

async function requireProviders(dm: DataManager, providers: readonly string[]): Promise<void> {
  const missing: string[] = [];
  const unhealthy: string[] = [];
  await Promise.all(
    providers.map(async (name) => {
      const report = await dm.healthOf(name);
      if (report === undefined) missing.push(name);
      else if (report.status !== 'healthy' && report.status !== 'degraded')
        unhealthy.push(`${name} (${report.message ?? report.status})`);
    }),
  );
  if (missing.length + unhealthy.length === 0) return;
  const parts = [
    missing.length > 0 ? `not registered: ${missing.join(', ')}` : '',
    unhealthy.length > 0 ? `unhealthy: ${unhealthy.join(', ')}` : '',
  ];
  throw new StorageError({
    code: missing.length > 0 ? 'not_registered' : 'unavailable',
    message: `required storage is not available; ${parts.filter((part) => part !== '').join('; ')}. Register what is missing, or start its server.`,
    operation: 'requiresStorage',
    details: { missing, unhealthy },
  });
}
