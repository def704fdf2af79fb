import type { Suite } from '../suite.ts';
import { batchesSuite } from './batches.ts';
import { conditionalWritesSuite } from './conditional-writes.ts';
import { listsAndCursorsSuite } from './lists-and-cursors.ts';
import { recordsSuite } from './records.ts';

/** Every suite of the kit, in the order in which they run. */
export const suites: readonly Suite[] = [recordsSuite, batchesSuite, conditionalWritesSuite, listsAndCursorsSuite];
