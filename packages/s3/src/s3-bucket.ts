import { randomUUID } from 'node:crypto';
import type { Call } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import type { S3Objects } from './s3-objects.ts';
import { refusedCondition } from './s3-objects.ts';
import type { S3Condition, S3Settings } from './s3-options.ts';
import { hasCode } from './s3-wire.ts';

/** Where the probe's object is: below the folder that namespaces begin with, and no namespace. */
const probeFolder = '-probe~/';
/** Servers that refuse such a condition when asked alone, and let several win who ask at the same time. */
const racy: readonly (readonly [server: RegExp, condition: S3Condition])[] = [[/^SeaweedFS/, 'stream']];
const neverATag = '"00000000000000000000000000000000"';

/** Makes sure that the bucket is there and may be listed. */
export async function openBucket(objects: S3Objects, settings: S3Settings, call: Call): Promise<void> {
  const { autoCreate, bucket, region, prefix } = settings;
  const look = (): Promise<unknown> => objects.list(prefix, '', 1, '', call);
  try {
    await look();
    return;
  } catch (error) {
    if (!autoCreate || !hasCode(error, 'NoSuchBucket')) throw error;
  }
  try {
    await objects.wire.attempt(call, (view) => view.makeBucket(bucket, region));
  } catch (error) {
    // Another was quicker. Whose it is shows when it is looked at.
    if (!hasCode(error, 'BucketAlreadyOwnedByYou', 'BucketAlreadyExists', 'OperationAborted')) throw error;
    await look().catch((denied: unknown) => {
      throw hasCode(denied, 'AccessDenied') ? error : denied;
    });
  }
}

function ignored(condition: S3Condition, conditional: ReadonlySet<S3Condition>): StorageError {
  const left = [...conditional].filter((other) => other !== condition && (condition !== 'write' || other === 'write'));
  return new StorageError({
    code: 'unsupported',
    message: `This server ignores the condition of a ${condition}, so two callers could both win; set \`conditional: ${JSON.stringify(left).replaceAll('"', "'")}\`.`,
    details: { option: 'conditional', condition },
  });
}

/** Whether the server refuses what has a condition that does not hold. */
async function isRefused(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return false;
  } catch (error) {
    if (refusedCondition(error)) return true;
    // Servers that do not know conditions may say so instead of ignoring them.
    if (hasCode(error, 'NotImplemented', 'InvalidArgument', 'MethodNotAllowed', 'InvalidRequest')) return false;
    throw error;
  }
}

/** Asks the server for what `conditional` says of it: an object is made, and each condition tried that must be refused. */
export async function probeConditions(objects: S3Objects, settings: S3Settings, call: Call): Promise<void> {
  const { conditional, prefix } = settings;
  if (conditional.size === 0) return;
  const name = `${prefix}${probeFolder}${randomUUID()}`;
  const body = Buffer.from('probe');
  try {
    await objects.put(name, {}, body, call);
  } catch (error) {
    // Who may not write writes no conditions either.
    if (hasCode(error, 'AccessDenied')) return;
    throw error;
  }
  try {
    for (const [server, condition] of racy)
      if (conditional.has(condition) && server.test(objects.wire.server)) throw ignored(condition, conditional);
    const absent = { 'if-none-match': '*' };
    const match = { 'if-match': neverATag };
    const [refusesPresent, refusesOther] = await Promise.all([
      isRefused(objects.put(name, absent, body, call)),
      isRefused(objects.put(name, match, body, call)),
    ]);
    if (!refusesPresent || !refusesOther) throw ignored('write', conditional);
    if (conditional.has('stream') && !(await refusesUpload(objects, name, body, call)))
      throw ignored('stream', conditional);
    if (conditional.has('delete') && !(await isRefused(objects.remove(name, call, match))))
      throw ignored('delete', conditional);
  } finally {
    await objects.remove(name, call);
  }
}

async function refusesUpload(objects: S3Objects, name: string, body: Buffer, call: Call): Promise<boolean> {
  const upload = await objects.startUpload(name, {}, call);
  try {
    const part = await objects.putPart(name, upload, 1, body, call);
    return await isRefused(objects.completeUpload(name, upload, [part], { 'if-none-match': '*' }, call));
  } finally {
    await objects.abortUpload(name, upload, call);
  }
}
