import { describe, expect, it } from '@jest/globals';
import { ServerClock } from './server-clock.ts';

/** What a server says whose clock is ahead by this much. */
function dateOf(now: number): string {
  return new Date(now).toUTCString();
}

describe('ServerClock', () => {
  it('trusts its own clock as long as the server may agree', () => {
    const clock = new ServerClock(undefined);
    const now = Date.now();
    clock.observe(dateOf(now), now);
    expect(clock.offset).toBe(0);
  });

  it('goes by the server when the two differ', () => {
    for (const ahead of [90_000, -90_000]) {
      const clock = new ServerClock(undefined);
      const now = Date.now();
      clock.observe(dateOf(now + ahead), now);
      expect(Math.abs(clock.offset - ahead)).toBeLessThanOrEqual(1100);
      expect(Math.abs(clock.now() - Date.now() - ahead)).toBeLessThanOrEqual(1200);
      clock.observe(dateOf(Date.now()), Date.now());
      expect(clock.offset).toBe(0);
    }
  });

  it('takes a clock that was given as it is', () => {
    const clock = new ServerClock(() => 5);
    clock.observe(dateOf(1_000_000), 5);
    expect(clock.now()).toBe(5);
  });

  it('ignores what is no date', () => {
    const clock = new ServerClock(undefined);
    clock.observe(undefined, 0);
    clock.observe('soon', 0);
    expect(clock.offset).toBe(0);
  });
});
