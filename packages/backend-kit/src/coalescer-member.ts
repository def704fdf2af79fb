import { StorageError } from '@storage/core';
import { type Call, callOver, unboundedCall } from './call.ts';
import type { GroupCall } from './group-call.ts';

/** A record's identity over all namespaces. Keys and paths have no NUL. */
export function recordId(ns: string, key: string): string {
  return ns === '' ? key : `${ns}\0${key}`;
}

/** One call that waits in a coalescer, or is being carried out. */
export class Member<Op, Result> {
  readonly id: string;
  readonly op: Op;
  readonly call: Call;
  readonly promise: Promise<Result>;
  /** Whether its caller has been answered. */
  settled = false;
  /** The shared call of its batch, once it is being carried out. */
  group: GroupCall | undefined;
  #resolve!: (result: Result) => void;
  #reject!: (error: unknown) => void;
  #stopWatching: (() => void) | undefined;

  constructor(id: string, op: Op, call: Call) {
    this.id = id;
    this.op = op;
    this.call = call;
    this.promise = new Promise<Result>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  resolve(result: Result): void {
    if (this.settled) return;
    this.#end();
    this.#resolve(result);
  }

  reject(error: unknown): void {
    if (this.settled) return;
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    this.settled = true;
    this.#stopWatching?.();
  }

  /** Lets the caller go as soon as its call is over: `applied` is `no` while it waits, `unknown` (for a write) once it is being carried out. */
  watch(write: boolean): void {
    if (this.call === unboundedCall || this.settled || this.#stopWatching !== undefined) return;
    const { signal } = this.call;
    if (signal === undefined) return;
    const leave = (): void => {
      this.reject(leaving(this.call, write ? (this.group === undefined ? 'no' : 'unknown') : undefined));
      this.group?.leave();
    };
    if (signal.aborted) leave();
    else {
      signal.addEventListener('abort', leave, { once: true });
      this.#stopWatching = () => signal.removeEventListener('abort', leave);
    }
  }

  /** Rejects a member whose call is over before it is carried out. Answers whether it is still wanted. */
  wanted(write: boolean): boolean {
    if (this.settled) return false;
    if (this.call === unboundedCall) return true;
    if (callOver(this.call) === undefined) return true;
    this.reject(leaving(this.call, write ? 'no' : undefined));
    return false;
  }
}

function leaving(call: Call, applied: 'no' | 'unknown' | undefined): StorageError {
  const over = callOver(call);
  return new StorageError({
    code: over?.code ?? 'aborted',
    message: over?.message ?? 'The call was aborted by its signal.',
    applied,
    details: over?.details,
    cause: over?.cause,
  });
}
