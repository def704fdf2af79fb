import { canonicalName, DataAccess, type DataManager, StorageError } from '../index.ts';

interface Rules {
  readonly granted: Set<string>;
  readonly blocked: Set<string>;
}

const rulesOf = new WeakMap<DataManager, Map<string, Rules>>();

function rules(dm: DataManager, provider: string): Rules {
  const all = rulesOf.get(dm) ?? new Map<string, Rules>();
  rulesOf.set(dm, all);
  const name = canonicalName(provider);
  const own = all.get(name) ?? { granted: new Set(), blocked: new Set() };
  all.set(name, own);
  return own;
}

/** Lets an agent use a provider; `*` is every agent. A provider without any grant is open to all; the first grant closes it to the others. */
export function grant(dm: DataManager, provider: string, agent: string): void {
  rules(dm, provider).granted.add(agent);
}

/** Takes a grant back. When no grant is left the provider is open to all again: block whom it must stay closed to. */
export function revoke(dm: DataManager, provider: string, agent: string): void {
  rules(dm, provider).granted.delete(agent);
}

/** Keeps an agent (`*`: every agent) from a provider, whatever is granted. */
export function block(dm: DataManager, provider: string, agent: string): void {
  rules(dm, provider).blocked.add(agent);
}

/** Takes a block back. */
export function unblock(dm: DataManager, provider: string, agent: string): void {
  rules(dm, provider).blocked.delete(agent);
}

/** Whether an agent may use a provider now. */
export function isAllowed(dm: DataManager, provider: string, agent: string): boolean {
  const { granted, blocked } = rules(dm, provider);
  if (blocked.has(agent) || blocked.has('*')) return false;
  return granted.size === 0 || granted.has(agent) || granted.has('*');
}

/** The DataManager as one agent may use it; every call asks anew. What is not allowed is `permission_denied` before any I/O. */
export function forAgent(dm: DataManager, agent: string): DataAccess {
  return guarded(dm, (provider) => isAllowed(dm, provider, agent), `agent '${agent}'`);
}

/** The DataManager confined to some providers. `who` names the caller in errors. */
export function guarded(dm: DataManager, allows: (provider: string) => boolean, who: string): DataAccess {
  const { source } = dm;
  return new DataAccess({
    run: source.run,
    provider: async (name, operation, options) => {
      if (!allows(name)) {
        throw new StorageError({
          code: 'permission_denied',
          message: `${who} may not use provider '${name}'; grant it first.`,
          operation,
          details: { provider: name },
        });
      }
      return source.provider(name, operation, options);
    },
  });
}
