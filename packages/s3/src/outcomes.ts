import type { Call, RowOutcome, Translate } from '@storage/backend-kit';
import { fanOut } from './fan-out.ts';

/** Does something for each member of a batch, many at a time, those of one key in their order, and tells how each ended. */
export async function outcomesOf<T, R>(
  members: readonly T[],
  keyOf: (member: T) => string,
  call: Call,
  failure: (error: unknown, key: string) => RowOutcome<R>,
  work: (member: T, call: Call) => Promise<R>,
): Promise<readonly RowOutcome<R>[]> {
  const byKey = new Map<string, number[]>();
  for (const [index, member] of members.entries()) {
    const same = byKey.get(keyOf(member));
    if (same === undefined) byKey.set(keyOf(member), [index]);
    else same.push(index);
  }
  const outcomes = new Array<RowOutcome<R>>(members.length);
  await fanOut([...byKey], call, async ([key, indexes], inner) => {
    for (const index of indexes) {
      try {
        outcomes[index] = { ok: true, value: await work(members[index] as T, inner) };
      } catch (error) {
        // A call that is over ends the batch, not one member.
        call.check();
        outcomes[index] = failure(error, key);
      }
    }
  });
  return outcomes;
}

/** The outcome of a member that failed. */
export function failureOf(translate: Translate, operation: string): (error: unknown, key: string) => RowOutcome<never> {
  return (error, key) => ({ ok: false, error: translate(error, { operation, key, write: true }) });
}
