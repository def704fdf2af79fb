import type { Suite } from '../suite.ts';
import { batchesSuite } from './batches.ts';
import { bytesAndStreamsSuite } from './bytes-and-streams.ts';
import { conditionalWritesSuite } from './conditional-writes.ts';
import { listsAndCursorsSuite } from './lists-and-cursors.ts';
import { namespacesSuite } from './namespaces.ts';
import { recordsSuite } from './records.ts';
import { ttlSuite } from './ttl.ts';

/** Every suite of the kit, in the order in which they run. */
export const suites: readonly Suite[] = [
  recordsSuite,
  bytesAndStreamsSuite,
  batchesSuite,
  conditionalWritesSuite,
  listsAndCursorsSuite,
  ttlSuite,
  namespacesSuite,
];
