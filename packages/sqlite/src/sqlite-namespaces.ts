import type { RowPage } from '@storage/backend-kit';
import { compareCodePoints } from '@storage/core/filter';
import type { SqliteRecordRows } from './sqlite-record-rows.ts';

/** Behind every namespace path: they have 96 bytes at most. */
const behindAll = '\u{10ffff}'.repeat(25);
/** The least character there is, so that a text with it appended is the next one behind the text. */
const least = '\u0001';

/**
 * Namespaces below `ns`, as paths relative to it. Each step seeks the next one in the index, so that it costs what there is
 * to list and not the records in it.
 */
export function listNamespaces(
  rows: SqliteRecordRows,
  ns: string,
  {
    recursive,
    after,
    limit,
  }: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
): RowPage<string> {
  const base = ns === '' ? '' : `${ns}/`;
  // '0' follows '/'.
  const end = ns === '' ? behindAll : `${ns}0`;
  const now = rows.clock();
  const from = (path: string): string | undefined => {
    const found = rows.statements.nextNamespace.get(base + path, end, now)?.[0];
    return typeof found === 'string' ? found.slice(base.length) : undefined;
  };
  const found = recursive ? everyPath(from, after ?? '', limit) : children(from, after ?? '');
  return { rows: found.slice(0, limit), more: found.length > limit };
}

function everyPath(from: (path: string) => string | undefined, after: string, limit: number): readonly string[] {
  const paths: string[] = [];
  let path = from(after + least);
  while (path !== undefined && paths.length <= limit) {
    paths.push(path);
    path = from(path + least);
  }
  return paths;
}

/**
 * First segments. In the index 'b!' stands between 'b' and 'b/c', so a child may be met late, or twice: all behind `after` are
 * gathered before they are sorted.
 */
function children(from: (path: string) => string | undefined, after: string): readonly string[] {
  const names = new Set<string>();
  let path = from(after + least);
  while (path !== undefined) {
    const slash = path.indexOf('/');
    const name = slash < 0 ? path : path.slice(0, slash);
    if (compareCodePoints(name, after) > 0) names.add(name);
    // What is below a child is passed over as a whole: '0' follows '/'.
    path = from(slash < 0 ? name + least : `${name}0`);
  }
  return [...names].sort(compareCodePoints);
}
