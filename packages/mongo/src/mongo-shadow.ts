/** A value as filters and sorts see it. Maps, for in an object of the driver keys such as `_bsontype` have a meaning of their own. */
export type Shadow = boolean | number | string | ShadowMap | readonly (boolean | number | string)[];
export type ShadowMap = Map<string, Shadow>;

/**
 * A key as the server may have it: none is empty, has a dot, begins with `$` or is a whole number, so that a path names one member
 * and never an element of an array.
 */
export function shadowKey(key: string): string {
  if (key === '') return '~';
  if (/^\d+$/.test(key)) return `~3${key}`;
  const plain = key.includes('~') || key.includes('.') ? key.replaceAll('~', '~0').replaceAll('.', '~1') : key;
  return plain.startsWith('$') ? `~2${plain.slice(1)}` : plain;
}

/** Where a path of the document stands, below `data` or `metadata`. */
export function shadowPath([root, ...keys]: readonly string[]): string {
  return [root, ...keys.map(shadowKey)].join('.');
}

function scalar(value: unknown): boolean | number | string | undefined {
  // A filter knows one zero.
  if (typeof value === 'number') return value === 0 ? 0 : value;
  return typeof value === 'boolean' || typeof value === 'string' ? value : undefined;
}

/**
 * What the server filters and sorts by, beside the text that is read. What counts as absent is left out: null and `[]`. An array
 * keeps each of its scalars once and nothing else, for no path leads into it; it stands empty where it has others alone, and so exists.
 */
export function toShadow(value: unknown): Shadow | undefined {
  if (typeof value !== 'object' || value === null) return scalar(value);
  if (Array.isArray(value)) {
    if (value.length === 0) return undefined;
    return [...new Set(value.map(scalar))].filter((element) => element !== undefined);
  }
  const map: ShadowMap = new Map();
  for (const [key, member] of Object.entries(value)) {
    const shadow = toShadow(member);
    if (shadow !== undefined) map.set(shadowKey(key), shadow);
  }
  return map;
}
