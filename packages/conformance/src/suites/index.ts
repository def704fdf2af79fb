import type { Suite } from '../suite.ts';
import { batchesSuite } from './batches.ts';
import { bytesAndStreamsSuite } from './bytes-and-streams.ts';
import { conditionalWritesSuite } from './conditional-writes.ts';
import { filtersSuite } from './filters.ts';
import { listsAndCursorsSuite } from './lists-and-cursors.ts';
import { namespacesSuite } from './namespaces.ts';
import { recordsSuite } from './records.ts';
import { sortSuite } from './sort.ts';
import { ttlSuite } from './ttl.ts';

/** Every suite of the kit, in the order in which they run. */
export const suites: readonly Suite[] = [
  recordsSuite,
  bytesAndStreamsSuite,
  batchesSuite,
  conditionalWritesSuite,
  listsAndCursorsSuite,
  filtersSuite,
  sortSuite,
  ttlSuite,
  namespacesSuite,
];
