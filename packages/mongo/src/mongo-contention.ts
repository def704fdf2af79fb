import { setTimeout as delay } from 'node:timers/promises';
import { isContended } from './mongo-errors.ts';
import type { MongoStore } from './mongo-store.ts';

const maxAttempts = 20;
/** The longest first pause, in milliseconds; later ones are longer. */
const pauseMs = 10;

/** Does what the server undoes while others are at the same documents again, after a pause of no certain length. */
export async function despiteOthers<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isContended(error) || attempt === maxAttempts) throw error;
    }
    await delay(Math.random() * pauseMs * attempt);
  }
}

/** A transaction that the server undoes is undone as a whole; anything else is done again. */
export function againOf({
  transactional,
}: Pick<MongoStore, 'transactional'>): <T>(work: () => Promise<T>) => Promise<T> {
  return transactional ? (work) => work() : despiteOthers;
}
