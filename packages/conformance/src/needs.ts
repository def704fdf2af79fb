import type { Capabilities, RecordCapabilities, VectorCapabilities } from '@storage/core';

type Needs = (capabilities: Capabilities) => boolean;

/** A backend that keeps records. */
export const keyed: Needs = (capabilities) => capabilities.records !== false;
/** A backend of records about which this holds. */
export function records(holds: (flags: RecordCapabilities) => boolean): Needs {
  return ({ records }) => records !== false && holds(records);
}
/** A backend with a whole `RecordStore`, and about which this holds. */
export function store(holds: (flags: RecordCapabilities) => boolean = () => true): Needs {
  return records((flags) => flags.level === 'full' && holds(flags));
}
/** A backend whose store lists its keys. */
export const lists: Needs = store((flags) => flags.list !== 'none');
/** A backend whose store answers queries. */
export const queries: Needs = store((flags) => flags.query !== 'none');
/** A backend of vectors about which this holds. */
export function vectors(holds: (flags: VectorCapabilities) => boolean = () => true): Needs {
  return ({ vectors }) => vectors !== false && holds(vectors);
}
/** All of these. */
export function all(...needs: readonly Needs[]): Needs {
  return (capabilities) => needs.every((need) => need(capabilities));
}
