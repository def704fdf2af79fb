import { type Call, isPromise, type MaybePromise, unboundedCall } from '@storage/backend-kit';

/** Runs reads that see one state and pay once for looking at it. May answer by promise, when the file can't be read now. */
export type ReadTogether = <T>(work: () => T, call: Call) => MaybePromise<T>;

interface WaitingRead {
  readonly work: () => unknown;
  readonly call: Call;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers reads. SQLite locks the file for every read that stands alone, which costs more than the read of a row: the first of a turn
 * of the event loop is carried out at once, and those that follow in the same turn together at its end.
 */
export class DomainReads {
  readonly #together: ReadTogether;
  #gathering = false;
  #waiting: WaitingRead[] = [];
  readonly #onTurn = (): void => {
    this.#gathering = false;
    if (this.#waiting.length > 0) this.#flush();
  };

  constructor(together: ReadTogether) {
    this.#together = together;
  }

  read<T>(work: () => T, call: Call): MaybePromise<T> {
    if (this.#gathering) {
      return new Promise<T>((resolve, reject) => {
        this.#waiting.push({ work, call, resolve, reject });
      });
    }
    this.#gathering = true;
    setImmediate(this.#onTurn);
    return this.#together(work, call);
  }

  #flush(): void {
    const reads = this.#waiting;
    this.#waiting = [];
    try {
      const done = this.#together(() => reads.forEach(carryOut), unboundedCall);
      if (isPromise(done)) done.catch((error: unknown) => rejectAll(reads, error));
    } catch (error) {
      rejectAll(reads, error);
    }
  }
}

function carryOut({ work, call, resolve, reject }: WaitingRead): void {
  try {
    call.check();
    resolve(work() as never);
  } catch (error) {
    reject(error);
  }
}

function rejectAll(reads: readonly WaitingRead[], error: unknown): void {
  for (const { reject } of reads) reject(error);
}
