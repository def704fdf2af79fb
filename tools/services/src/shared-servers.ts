import { acquire, isAbsent } from './acquire.ts';
import type { RunningServer } from './local-server.ts';
import type { SharedState } from './protocol.ts';
import { loadRecipe } from './recipes.ts';
import type { RunRecord } from './run-record.ts';
import type { AbsentService, Service, ServiceName } from './service.ts';

/** How long a server without leases, and a daemon without connections, stay: the next test file is likely to ask again. */
export const lingerMs = 4_000;

/** One who leases. */
export interface Holder {
  /** Hears what is being done while it waits. */
  tell(text: string): void;
  /** Its server was taken away. */
  hangUp(): void;
}

interface Entry {
  readonly name: ServiceName;
  readonly holders: Set<Holder>;
  readonly result: Promise<RunningServer | AbsentService>;
  /** What `result` became. */
  settled?: RunningServer | AbsentService;
  timer?: NodeJS.Timeout;
}

export interface SharedServers {
  /** The server of this name, which is started for the first who asks. It is `holder`'s until `release`. */
  lease(name: ServiceName, holder: Holder): Promise<Service | AbsentService>;
  release(name: ServiceName, holder: Holder): void;
  /** Ends the servers of these names, whoever leases them. */
  down(names: readonly ServiceName[]): Promise<void>;
  /** Ends all, and waits for those that are ending. */
  endAll(): Promise<void>;
  forgetAbsences(): void;
  states(): readonly SharedState[];
}

/** `changed` is called when a server has ended; `report` gets what went wrong on the way. */
export function createSharedServers(
  record: RunRecord,
  changed: () => void,
  report: (error: unknown) => void,
): SharedServers {
  const entries = new Map<ServiceName, Entry>();
  const ending = new Set<Promise<void>>();

  const begin = (name: ServiceName): Entry => {
    const holders = new Set<Holder>();
    const progress = (text: string): void => {
      for (const holder of holders) holder.tell(text);
    };
    const result = loadRecipe(name).then((recipe) => acquire(recipe, record, progress));
    const entry: Entry = { name, holders, result };
    entries.set(name, entry);
    result.then(
      (settled) => {
        entry.settled = settled;
      },
      () => entries.delete(name),
    );
    return entry;
  };

  /** Takes a server out of the list and ends it. */
  const end = (entry: Entry): Promise<void> => {
    clearTimeout(entry.timer);
    if (entries.get(entry.name) === entry) entries.delete(entry.name);
    const ended = entry.result
      .then(async (result) => {
        if (!isAbsent(result)) await result.dispose();
      })
      .catch(report)
      .finally(() => {
        ending.delete(ended);
        changed();
      });
    ending.add(ended);
    return ended;
  };

  const died = ({ settled }: Entry): boolean => settled !== undefined && !isAbsent(settled) && !settled.running();

  return {
    async lease(name, holder) {
      const found = entries.get(name);
      if (found !== undefined && died(found)) void end(found);
      const entry = entries.get(name) ?? begin(name);
      clearTimeout(entry.timer);
      entry.holders.add(holder);
      const result = await entry.result;
      return isAbsent(result) ? result : result.service;
    },
    release(name, holder) {
      const entry = entries.get(name);
      if (entry?.holders.delete(holder) !== true || entry.holders.size > 0) return;
      // An absence is remembered as long as anybody is connected, or every test file would try to install again.
      if (entry.settled !== undefined && isAbsent(entry.settled)) return;
      entry.timer = setTimeout(() => void end(entry), lingerMs);
    },
    async down(names) {
      const found = names.flatMap((name) => entries.get(name) ?? []);
      await Promise.all(found.map(end));
      for (const { holders } of found) for (const holder of holders) holder.hangUp();
    },
    async endAll() {
      for (const entry of [...entries.values()]) void end(entry);
      await Promise.all(ending);
    },
    forgetAbsences() {
      for (const { name, settled } of entries.values()) {
        if (settled !== undefined && isAbsent(settled)) entries.delete(name);
      }
    },
    states: () =>
      [...entries.values()].map(({ name, holders, settled }) => ({
        name,
        leases: holders.size,
        ...(settled === undefined ? {} : { service: isAbsent(settled) ? settled : settled.service }),
      })),
  };
}
