import type { RowPage } from '@storage/backend-kit';
import { compareCodePoints } from '@storage/core/filter';
import { live } from './mongo-documents.ts';
import type { MongoStore } from './mongo-store.ts';

/** Behind every id: namespace paths have 96 bytes at most. */
const behindAll = '\u{10ffff}'.repeat(25);
/** The least character there is, so that a text with it appended is the next one behind the text. */
const least = '\u0001';

type Seek = (path: string) => Promise<string | undefined>;

/**
 * Namespaces below `ns`, as paths relative to it. Ids begin with the path and U+0000, so each step seeks the next path in their
 * order: it costs what there is to list, and not the records in it.
 */
export async function listNamespaces(
  store: MongoStore,
  ns: string,
  {
    recursive,
    after,
    limit,
  }: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
): Promise<RowPage<string>> {
  const base = ns === '' ? '' : `${ns}/`;
  // '0' follows '/'.
  const end = ns === '' ? behindAll : `${ns}0`;
  const expiresAt = live(store.now());
  const seek: Seek = async (path) => {
    const filter = { _id: { $gte: base + path, $lt: end }, expiresAt };
    const [found] = await store.records
      .find(filter, { projection: { _id: 1 } })
      .sort({ _id: 1 })
      .limit(1)
      .toArray();
    return found?._id.slice(base.length, found._id.indexOf('\0'));
  };
  const found = recursive ? await everyPath(seek, after ?? '', limit) : await children(seek, after ?? '');
  return { rows: found.slice(0, limit), more: found.length > limit };
}

async function everyPath(seek: Seek, after: string, limit: number): Promise<readonly string[]> {
  const paths: string[] = [];
  let path = await seek(after + least);
  while (path !== undefined && paths.length <= limit) {
    paths.push(path);
    path = await seek(path + least);
  }
  return paths;
}

/**
 * First segments. In the order of ids 'b!' stands between 'b' and 'b/c', so a child may be met late, or twice: all behind `after`
 * are gathered before they are sorted.
 */
async function children(seek: Seek, after: string): Promise<readonly string[]> {
  const names = new Set<string>();
  let path = await seek(after + least);
  while (path !== undefined) {
    const slash = path.indexOf('/');
    const name = slash < 0 ? path : path.slice(0, slash);
    if (compareCodePoints(name, after) > 0) names.add(name);
    // What is below a child is passed over as a whole: '0' follows '/'.
    path = await seek(slash < 0 ? name + least : `${name}0`);
  }
  return [...names].sort(compareCodePoints);
}
