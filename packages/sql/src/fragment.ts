import type { Dialect, SqlValue } from './dialect.ts';

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

/** The parameters of fragments that stand one after the other. */
export function paramsOf(parts: readonly SqlFragment[]): readonly SqlValue[] {
  const params: SqlValue[] = [];
  for (const part of parts) for (const param of part.params) params.push(param);
  return params;
}

/** How many parts stand side by side: each adds a level to the tree that an engine makes of them. */
const sideBySide = 32;

/** A limit as a part of the text, of a whole number: SQLite plans a statement anew whenever a limit is bound. */
export function limitClause(limit: number): string {
  return ` LIMIT ${Math.trunc(limit)}`;
}

/** Fragments joined by a word, each in parentheses: `(a) OR (b)`. Many become a tree, whose depth engines limit. */
export function joinFragments(word: 'AND' | 'OR', parts: readonly SqlFragment[]): SqlFragment {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  if (parts.length > sideBySide) {
    const middle = Math.ceil(parts.length / 2);
    return joinFragments(word, [joinFragments(word, parts.slice(0, middle)), joinFragments(word, parts.slice(middle))]);
  }
  return {
    text: parts.map((part) => `(${part.text})`).join(` ${word} `),
    params: paramsOf(parts),
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

/** Texts with the dialect's placeholders. */
export function mapTexts<T extends object>(texts: T, dialect: Dialect): T {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, dialect.placeholders(String(text))]),
  ) as T;
}
