import type { Call } from '@storage/backend-kit';
import type { S3Settings } from './s3-options.ts';
import { hasCode, type S3Wire } from './s3-wire.ts';

/** The tag of records that the server may remove, and its values: days. */
export const expiryTag = 'storage-expires-days';
/** How our rules are told from those of others. */
const ruleStart = 'storage-';
/** Uploads that nobody completes or aborts any more. */
const uploadDays = 2;

type Rules = Parameters<ReturnType<S3Wire['view']>['setBucketLifecycle']>[1];

/** Gives the bucket a rule for each class of days, and leaves the rules of others as they are. */
export async function applyLifecycle(wire: S3Wire, { lifecycle, prefix }: S3Settings, call: Call): Promise<void> {
  const place = prefix.replaceAll('/', '.');
  const mine = lifecycle.map((days) => ({
    ID: `${ruleStart}${place}${days}`,
    Status: 'Enabled',
    Filter: { And: { Prefix: prefix, Tag: [{ Key: expiryTag, Value: String(days) }] } },
    Expiration: { Days: days },
  }));
  const uploads = {
    ID: `${ruleStart}${place}uploads`,
    Status: 'Enabled',
    Filter: { Prefix: prefix },
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: uploadDays },
  };
  const ids = new Set([...mine, uploads].map(({ ID }) => ID));
  const { bucket } = wire;
  await wire.attempt(call, async (view) => {
    const found: unknown = await view.getBucketLifecycle(bucket).catch((error: unknown) => {
      if (hasCode(error, 'NoSuchLifecycleConfiguration')) return undefined;
      throw error;
    });
    const rule: unknown = Reflect.get(Object(found), 'Rule');
    const others = (Array.isArray(rule) ? rule : rule === undefined ? [] : [rule]).filter(
      (other: unknown) => !ids.has(String(Reflect.get(Object(other), 'ID'))),
    );
    const set = (rules: readonly unknown[]): Promise<void> =>
      view.setBucketLifecycle(bucket, { Rule: [...others, ...rules] } as unknown as Rules);
    try {
      await set([...mine, uploads]);
    } catch (error) {
      // MinIO knows no such rule: it ends abandoned uploads by itself, after a day.
      if (!hasCode(error, 'InvalidArgument', 'MalformedXML', 'NotImplemented')) throw error;
      await set(mine);
    }
  });
}
