import { definePlugin, type Environment, invalidArgument, type Plugin } from '@storage/core';
import { createS3, type S3Backend } from './s3-backend.ts';
import type { S3Options } from './s3-options.ts';

function fromEnv(env: Environment): S3Options {
  const bucketName = env['AWS_S3_BUCKET'];
  if (bucketName === undefined)
    throw invalidArgument('AWS_S3_BUCKET is missing: the name of the bucket.', { path: 'AWS_S3_BUCKET' });
  const accessKeyId = env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'];
  const sessionToken = env['AWS_SESSION_TOKEN'];
  const region = env['AWS_REGION'];
  const endpoint = env['AWS_ENDPOINT_URL_S3'];
  return {
    bucketName,
    ...(accessKeyId !== undefined && { accessKeyId }),
    ...(secretAccessKey !== undefined && { secretAccessKey }),
    ...(sessionToken !== undefined && { sessionToken }),
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
  };
}

/**
 * S3 as a plugin. Its variables: `AWS_S3_BUCKET`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`,
 * `AWS_ENDPOINT_URL_S3` (for other servers than AWS).
 */
export const s3Plugin: Plugin<'s3', S3Options, S3Backend> = definePlugin({
  name: 's3',
  contract: 1,
  fromEnv,
  create: (options) => createS3(options),
});
