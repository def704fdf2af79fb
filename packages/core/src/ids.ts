const hex: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const pool = new Uint8Array(4096);
let used = pool.length;

/** The start of `count` fresh random bytes in the pool: one call of the generator serves hundreds of ids. */
function take(count: number): number {
  if (used + count > pool.length) {
    globalThis.crypto.getRandomValues(pool);
    used = 0;
  }
  used += count;
  return used - count;
}

/** A random token of 96 bits as 16 characters of `A-Z a-z 0-9 - _`. */
export function randomToken(): string {
  const start = take(12);
  let token = '';
  for (let i = start; i < start + 12; i += 3) {
    const bits = ((pool[i] ?? 0) << 16) | ((pool[i + 1] ?? 0) << 8) | (pool[i + 2] ?? 0);
    token +=
      alphabet.charAt(bits >> 18) +
      alphabet.charAt((bits >> 12) & 63) +
      alphabet.charAt((bits >> 6) & 63) +
      alphabet.charAt(bits & 63);
  }
  return token;
}

let lastTime = 0;
let sequence = 0;
/** The beginning of the ids of `headTime`. */
let head = '';
let headTime = -1;

function randomHex(at: number): string {
  return hex[pool[at] ?? 0] ?? '';
}

/** A UUIDv7: ordered by time, and within one process by call (the 12 bits behind the time count up within a millisecond). */
export function uuidv7(now: number = Date.now()): string {
  if (now > lastTime) {
    lastTime = now;
    sequence = (pool[take(1)] ?? 0) & 0x7f;
  } else if (++sequence > 0xfff) {
    lastTime++;
    sequence = 0;
  }
  if (headTime !== lastTime) {
    headTime = lastTime;
    const time = lastTime.toString(16).padStart(12, '0');
    head = `${time.slice(0, 8)}-${time.slice(8)}-7`;
  }
  const at = take(8);
  const variant = hex[((pool[at] ?? 0) & 0x3f) | 0x80];
  const node = randomHex(at + 2) + randomHex(at + 3) + randomHex(at + 4) + randomHex(at + 5) + randomHex(at + 6);
  return `${head}${sequence.toString(16).padStart(3, '0')}-${variant}${randomHex(at + 1)}-${node}${randomHex(at + 7)}`;
}
