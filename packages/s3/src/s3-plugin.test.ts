import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { s3Plugin } from './index.ts';

describe('s3Plugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(s3Plugin.fromEnv({ AWS_S3_BUCKET: 'praval-data' })).toEqual({ bucketName: 'praval-data' });
    const env = {
      AWS_S3_BUCKET: 'praval-data',
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_SESSION_TOKEN: 'token',
      AWS_REGION: 'eu-central-1',
      AWS_ENDPOINT_URL_S3: 'http://localhost:9000',
    };
    expect(s3Plugin.fromEnv(env)).toEqual({
      bucketName: 'praval-data',
      accessKeyId: 'key',
      secretAccessKey: 'secret',
      sessionToken: 'token',
      region: 'eu-central-1',
      endpoint: 'http://localhost:9000',
    });
  });

  it('says which variable is missing', () => {
    expect(() => s3Plugin.fromEnv({})).toThrow('AWS_S3_BUCKET');
  });

  it('registers under its name', () => {
    expect(createRegistry([s3Plugin]).find('s3')).toBe(s3Plugin);
  });
});
