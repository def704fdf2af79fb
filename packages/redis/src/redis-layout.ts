/**
 * The names of keys. A namespace is spread over a fixed number of buckets; all keys of a bucket have the hash tag
 * `{namespace:bucket}`, so that one script may change them together on a cluster too.
 */
export interface Bucket {
  readonly number: number;
  /** Keys by order: a sorted set whose members have one score. */
  readonly order: string;
  /** Keys by when they expire. */
  readonly expiry: string;
  /** With which further fields records were written here. */
  readonly shapes: string;
  /** With a record's key appended: the record. */
  readonly records: string;
  /** With a version appended: the chunks of a stream. */
  readonly chunks: string;
}

/** No brace of a namespace reaches the tag. */
function encodeNamespace(path: string): string {
  return /[%{}]/.test(path) ? path.replaceAll('%', '%25').replaceAll('{', '%7B').replaceAll('}', '%7D') : path;
}

function decodeNamespace(text: string): string {
  return text.replaceAll('%7B', '{').replaceAll('%7D', '}').replaceAll('%25', '%');
}

/** FNV-1a over the UTF-16 units: the same in every process. */
export function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  return state >>> 0;
}

/** Characters that mean something in a pattern of SCAN. */
function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]^-]/g, '\\$&');
}

export class RedisLayout {
  readonly prefix: string;
  readonly buckets: number;
  /** What the store was made with, so that nobody opens it with something else. */
  readonly meta: string;
  /** Namespaces by name. */
  readonly names: string;
  /** Namespaces by when they were last written to, roughly. */
  readonly seen: string;
  readonly #known = new Map<string, readonly Bucket[]>();

  constructor(prefix: string, buckets: number) {
    this.prefix = prefix;
    this.buckets = buckets;
    this.meta = `${prefix}{meta}`;
    this.names = `${prefix}{namespaces}names`;
    this.seen = `${prefix}{namespaces}seen`;
  }

  /** The buckets of a namespace. */
  of(ns: string): readonly Bucket[] {
    let buckets = this.#known.get(ns);
    if (buckets === undefined) {
      const encoded = encodeNamespace(ns);
      buckets = Array.from({ length: this.buckets }, (_, number) => {
        const base = `${this.prefix}{${encoded}:${number}}`;
        return {
          number,
          order: `${base}order`,
          expiry: `${base}expiry`,
          shapes: `${base}shapes`,
          records: `${base}r:`,
          chunks: `${base}s:`,
        };
      });
      // Names are cheap to make again; so many at once are rare.
      if (this.#known.size >= 1000) this.#known.clear();
      this.#known.set(ns, buckets);
    }
    return buckets;
  }

  bucketOf(ns: string, key: string): Bucket {
    const buckets = this.of(ns);
    return buckets[buckets.length === 1 ? 0 : hash(key) % buckets.length] as Bucket;
  }

  /** A pattern of SCAN for the records of a namespace, and with `below` of those below it, `''` all. */
  pattern(ns: string, below: boolean): string {
    const path = escapeGlob(encodeNamespace(ns));
    return `${escapeGlob(this.prefix)}{${path}${below ? '*' : ''}:*}r:*`;
  }

  /** The namespace and key of a record's name. Missing: it is no record of this store. */
  parse(name: string): { readonly ns: string; readonly key: string } | undefined {
    if (!name.startsWith(`${this.prefix}{`)) return undefined;
    const start = this.prefix.length + 1;
    const end = name.indexOf('}', start);
    const colon = name.lastIndexOf(':', end);
    if (end < 0 || colon < start || !name.startsWith('r:', end + 1)) return undefined;
    return { ns: decodeNamespace(name.slice(start, colon)), key: name.slice(end + 3) };
  }
}
