import {
  canonicalName,
  type DataAccess,
  type DataManager,
  getDataManager,
  invalidArgument,
  outcome,
  StorageError,
} from '../index.ts';
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

/** A function of the same behaviour, once `before` has resolved, with what the original carried. */
function wrap<F extends AnyFunction>(target: F, before?: () => Promise<void>): F {
  const wrapped = function (this: never, ...args: never[]): unknown {
    const run = (): unknown => Reflect.apply(target, this, args);
    return before ? before().then(run) : run();
  };
  return Object.defineProperties(wrapped, Object.getOwnPropertyDescriptors(target)) as unknown as F;
}

/**
 * Gives a function `.storage`. As a wrapper (a function that names itself needs its return type written down):
 * `const agent = storageEnabled({ providers: ['redis'] })(async (): Promise<DataReference> => agent.storage.store('redis', 1))`;
 * as a standard decorator of a method, whose type a decorator can't change: `storageOf(this.method).store('redis', 1)`.
 */
export function storageEnabled({
  providers,
  dataManager,
}: StorageRequirements): <F extends AnyFunction>(target: F, context?: MethodContext) => F & WithStorage {
  const names = new Set(providers.map(canonicalName));
  return (target) =>
    Object.defineProperty(wrap(target), 'storage', {
      configurable: true,
      get: () =>
        guarded(
          dataManager ?? getDataManager(),
          (name) => names.has(canonicalName(name)),
          `a function with ${providers.join(', ')}`,
        ),
    }) as typeof target & WithStorage;
}

/** The `.storage` of a method that `storageEnabled` decorates. */
export function storageOf(method: AnyFunction): DataAccess {
  if ('storage' in method) return method.storage as DataAccess;
  throw invalidArgument('storageOf() takes a function that storageEnabled wrapped.');
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
  return (target) => wrap(target, () => requireProviders(dataManager ?? getDataManager(), providers));
}

async function requireProviders(dm: DataManager, providers: readonly string[]): Promise<void> {
  const missing: string[] = [];
  const unhealthy: string[] = [];
  await Promise.all(
    providers.map(async (name) => {
      const report = await outcome(dm.healthOf(name));
      if (!report.ok) unhealthy.push(`${name} (${report.error.message})`);
      else if (report.value === undefined) missing.push(name);
      else if (!['healthy', 'degraded'].includes(report.value.status))
        unhealthy.push(`${name} (${report.value.message ?? report.value.status})`);
    }),
  );
  if (missing.length + unhealthy.length === 0) return;
  const parts = Object.entries({ 'not registered': missing, unhealthy }).filter(([, names]) => names.length > 0);
  throw new StorageError({
    code: missing.length > 0 ? 'not_registered' : 'unavailable',
    message: `required storage: ${parts.map(([why, names]) => `${why}: ${names.join(', ')}`).join('; ')}. Register or start them.`,
    operation: 'requiresStorage',
    details: { missing, unhealthy },
  });
}
