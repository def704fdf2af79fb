import { describe, expect, it } from '@jest/globals';
import { type Applied, outcome, StorageError } from '@storage/core';
import { inParts, partsOf } from './batch-parts.ts';

const items = Array.from({ length: 10 }, (_, index) => ({ id: `${index}` }));
const parts = () => partsOf(items, { count: 2 });

function lost(applied: Applied): StorageError {
  return new StorageError({ code: 'unavailable', message: 'lost', applied });
}

const same = (thrown: unknown): StorageError => thrown as StorageError;

async function failureOf(work: Promise<void>): Promise<StorageError> {
  const ended = await outcome(work);
  if (ended.ok) throw new Error('It did not fail.');
  return ended.error;
}

describe('a batch in parts', () => {
  it.each([1, 3, 20])('sends each once, %i at a time and no more', async (atOnce) => {
    const sent: string[] = [];
    let [now, most] = [0, 0];
    const send = async (part: readonly { readonly id: string }[]): Promise<void> => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 2));
      sent.push(...part.map(({ id }) => id));
      now--;
    };
    await inParts(parts(), send, same, atOnce);
    expect(sent.toSorted()).toEqual(items.map(({ id }) => id));
    expect(most).toBe(Math.min(5, atOnce));
  });

  it('one after another: those before a failure are kept, those behind are not sent', async () => {
    const sent: string[] = [];
    const error = await failureOf(
      inParts(
        parts(),
        async ([first]) => {
          sent.push(first?.id ?? '');
          if (first?.id === '4') throw lost('no');
        },
        same,
      ),
    );
    expect(error).toMatchObject({ applied: 'unknown', details: { kept: ['0', '1', '2', '3'], failed: ['4', '5'] } });
    expect(sent).toEqual(['0', '2', '4']);
  });

  it('several at a time: what was under way is waited for, and told', async () => {
    const error = await failureOf(
      inParts(
        parts(),
        async ([first]) => {
          if (first?.id === '0') throw lost('no');
          await new Promise((resolve) => setTimeout(resolve, 5));
          if (first?.id === '2') throw lost('no');
        },
        same,
        3,
      ),
    );
    expect(error).toMatchObject({ applied: 'unknown', details: { kept: ['4', '5'], failed: ['0', '1', '2', '3'] } });
  });

  it.each<[Applied, Applied, Applied]>([
    ['no', 'no', 'no'],
    ['no', 'unknown', 'unknown'],
    ['unknown', 'no', 'unknown'],
  ])('where nothing is kept, %s and %s are %s', async (first, second, told) => {
    const send = async (part: readonly { readonly id: string }[]): Promise<never> => {
      throw lost(part[0]?.id === '0' ? first : second);
    };
    expect(await failureOf(inParts(parts(), send, same, 2))).toMatchObject({ applied: told, details: { kept: [] } });
  });
});
