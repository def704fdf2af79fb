import type { SqlValue } from './dialect.ts';

/** A piece of SQL with `?` for its parameters, which stand in the order of the text. */
export interface SqlFragment {
  readonly text: string;
  readonly params: readonly SqlValue[];
}

/** A fragment from its text and parameters. */
export function fragment(text: string, ...params: SqlValue[]): SqlFragment {
  return { text, params };
}

/** Never true. */
export const never: SqlFragment = fragment('FALSE');

/** Fragments joined by a word, each in parentheses: `(a) OR (b)`. */
export function joinFragments(word: 'AND' | 'OR', parts: readonly SqlFragment[]): SqlFragment {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  return {
    text: parts.map((part) => `(${part.text})`).join(` ${word} `),
    params: parts.flatMap((part) => part.params),
  };
}

/** A text as an SQL literal. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as an SQL identifier. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
