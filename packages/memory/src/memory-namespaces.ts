import type { RowPage } from '@storage/backend-kit';
import { compareCodePoints } from '@storage/core/filter';

/** Whether a namespace path is `ns` or below it. */
export function isWithin(path: string, ns: string): boolean {
  return path === ns || ns === '' || path.startsWith(`${ns}/`);
}

/** The children of `ns` among the paths in use: names when direct, relative paths when recursive. Both stay escaped. */
export function childPaths(
  paths: Iterable<string>,
  ns: string,
  request: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
): RowPage<string> {
  const found = new Set<string>();
  for (const path of paths) {
    if (path === ns || !isWithin(path, ns)) continue;
    const relative = ns === '' ? path : path.slice(ns.length + 1);
    found.add(request.recursive ? relative : (relative.split('/', 1)[0] ?? relative));
  }
  const { after } = request;
  const rows = [...found]
    .sort(compareCodePoints)
    .filter((path) => after === undefined || compareCodePoints(path, after) > 0);
  return { rows: rows.slice(0, request.limit), more: rows.length > request.limit };
}
