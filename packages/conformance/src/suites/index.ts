import type { Suite } from '../suite.ts';
import { abortAndDeadlineSuite } from './abort-and-deadline.ts';
import { batchesSuite } from './batches.ts';
import { bytesAndStreamsSuite } from './bytes-and-streams.ts';
import { capabilitiesSuite } from './capabilities.ts';
import { conditionalWritesSuite } from './conditional-writes.ts';
import { errorsSuite } from './errors.ts';
import { filtersSuite } from './filters.ts';
import { healthSuite } from './health.ts';
import { injectionSuite } from './injection.ts';
import { lifecycleSuite } from './lifecycle.ts';
import { listsAndCursorsSuite } from './lists-and-cursors.ts';
import { messagingSuite } from './messaging.ts';
import { namespacesSuite } from './namespaces.ts';
import { recallSuite } from './recall.ts';
import { recordsSuite } from './records.ts';
import { sortSuite } from './sort.ts';
import { transactionsSuite } from './transactions.ts';
import { ttlSuite } from './ttl.ts';
import { vectorsSuite } from './vectors.ts';

/** Every suite of the kit, in the order in which they run. */
export const suites: readonly Suite[] = [
  capabilitiesSuite,
  lifecycleSuite,
  healthSuite,
  recordsSuite,
  bytesAndStreamsSuite,
  batchesSuite,
  conditionalWritesSuite,
  listsAndCursorsSuite,
  filtersSuite,
  sortSuite,
  ttlSuite,
  namespacesSuite,
  vectorsSuite,
  recallSuite,
  messagingSuite,
  transactionsSuite,
  abortAndDeadlineSuite,
  errorsSuite,
  injectionSuite,
];
