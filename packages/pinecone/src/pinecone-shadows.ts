/**
 * Fields that are written beside a user's metadata, so that filters find what Pinecone does not keep or does not tell apart. A user's
 * own field of such a name is escaped. They are never shown.
 */
export const shadow = {
  /** A list of strings, always there: what the record has, for filters on what is absent or not kept natively. */
  tags: '_s_t',
  /** JSON of what Pinecone does not keep as it is. */
  json: '_s_json',
  content: '_s_text',
  /** The id, where Pinecone's own is a hash of it. */
  id: '_s_id',
  createdAt: '_s_at',
  /** When it was sent, by the clock of the writer, in milliseconds: of two versions which came later. */
  written: '_s_w',
  /** Before a path: the milliseconds of a declared date. */
  date: '_s_d_',
} as const;

/** The tag that every record has: written by this library, in this form. */
export const versionTag = 'v:1';

/** What tags say of a path. */
export const tag = {
  /** Neither missing, null nor `[]`. */
  exists: (path: string): string => `e:${path}`,
  /** The field is a number. */
  number: (path: string): string => `n:${path}`,
  /** The field is a boolean. */
  boolean: (path: string): string => `b:${path}`,
  /** The field is a string, or the strings of a list. */
  string: (path: string): string => `s:${path}`,
  /** A list has numbers, which are not kept natively. */
  listedNumber: (path: string): string => `m:${path}`,
  /** A list has this value, which is not kept natively. */
  listed: (path: string, value: number | boolean): string => `=:${path}=${value}`,
  /** The milliseconds of the date that was declared there are not all: something else is there too, or instead. */
  otherDate: (path: string): string => `d:${path}`,
} as const;

/** Whether a key of metadata can be a field under its own name. */
export function isPlainKey(key: string): boolean {
  return key !== '' && escapeKey(key) === key;
}

/** No two keys become the same; none has `~.`, which parts keys along a path. */
function escapeKey(key: string): string {
  if (key === '') return '~e';
  const escaped = key.replaceAll('~', '~0');
  return escaped.startsWith('$') || escaped.startsWith('_s_') || escaped.startsWith('__') ? `~1${escaped}` : escaped;
}

/** The name of the field of a path. */
export function fieldOf(path: readonly string[]): string {
  return path.map(escapeKey).join('~.');
}
