export { createS3, type S3Backend } from './s3-backend.ts';
export type { S3Capabilities } from './s3-capabilities.ts';
export type { S3Condition, S3Options } from './s3-options.ts';
export { s3Plugin } from './s3-plugin.ts';
export { type PresignedUrls, type PresignGetOptions, type PresignOptions, presignedUrls } from './s3-presign.ts';
