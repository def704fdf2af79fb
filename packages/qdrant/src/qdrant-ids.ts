import { createHash } from 'node:crypto';
import { StorageError } from '@storage/core';

/** What Qdrant takes: a UUID or a whole number. */
export type PointId = string | number;

const digits = /^(?:0|[1-9][0-9]{0,15})$/;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The version of UUIDs that applications fill as they like: those that are hashes of ids. */
const ownVersion = '8';

/** Whether the id is a point's as it stands: a whole number, or a UUID in small letters that can't be taken for a hash. */
function standsForItself(id: string): boolean {
  if (digits.test(id)) return Number.isSafeInteger(Number(id));
  const version = uuid.exec(id)?.[1];
  return version !== undefined && version !== ownVersion;
}

/**
 * The point of a document. In the root an id that Qdrant takes is the point's own, so that what others wrote is found by it; any
 * other is the SHA-256 of namespace and id as a UUID of version 8, which no id that stands for itself can be.
 */
export function pointId(ns: string, id: string): PointId {
  if (ns === '' && standsForItself(id)) return digits.test(id) ? Number(id) : id;
  const hash = createHash('sha256').update(`${ns}\0${id}`).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Whether the point's id tells the document's, so that the payload need not. */
export function isOwnId(ns: string, id: string): boolean {
  return ns === '' && standsForItself(id);
}

/** The document's id of a point whose payload does not tell it. */
export function idOfPoint(point: PointId): string {
  const id = String(point);
  if (standsForItself(id)) return id;
  throw new StorageError({
    code: 'corrupt',
    message: `Point ${id} was written by something else under an id that this library reserves or can't hold; delete it, or write it again under another.`,
    details: { point: id },
  });
}
