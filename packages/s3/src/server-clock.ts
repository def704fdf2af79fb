/**
 * The present by the server's clock, so that machines whose clocks differ agree on what is expired. The server tells whole seconds: what
 * the own clock says stands as long as it can be true.
 */
export class ServerClock {
  readonly #clock: () => number;
  readonly #corrected: boolean;
  #offset = 0;

  /** A clock that was given is taken as it is. */
  constructor(given: (() => number) | undefined) {
    this.#clock = given ?? Date.now;
    this.#corrected = given === undefined;
  }

  /** By how much the server's clock is ahead, in milliseconds. */
  get offset(): number {
    return this.#offset;
  }

  now(): number {
    return this.#clock() + this.#offset;
  }

  /** Told what the server said of the time, and when by the own clock it was asked. */
  observe(date: string | undefined, askedAt: number): void {
    if (!this.#corrected || date === undefined) return;
    const second = Date.parse(date);
    if (Number.isNaN(second)) return;
    // It was said between asking and now, at some time within that second.
    const least = second - this.#clock();
    const most = second + 999 - askedAt;
    this.#offset = least > 0 ? least : Math.min(most, 0);
  }
}
