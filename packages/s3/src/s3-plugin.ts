import { definePlugin, type Environment, type Plugin } from '@storage/core';
import { createS3, type S3Backend } from './s3-backend.ts';
import type { S3Options } from './s3-options.ts';

function fromEnv(env: Environment): S3Options {
  const url = env['S3_URL'];
  return { ...(url !== undefined && { url }) };
}

/** S3 as a plugin. Its variable: `S3_URL`. */
export const s3Plugin: Plugin<'s3', S3Options, S3Backend> = definePlugin({
  name: 's3',
  contract: 1,
  fromEnv,
  create: (options) => createS3(options),
});
