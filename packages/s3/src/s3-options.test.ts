import { describe, expect, it } from '@jest/globals';
import { Client } from 'minio';
import { createS3, type S3Options } from './index.ts';
import { toSettings } from './s3-options.ts';

const bucketName = 'praval-data';

describe('S3Options', () => {
  it('has the defaults of AWS', () => {
    expect(toSettings({ bucketName, accessKeyId: 'a', secretAccessKey: 'b' })).toMatchObject({
      host: 's3.amazonaws.com',
      port: undefined,
      secure: true,
      region: 'us-east-1',
      autoCreate: true,
      layout: 'plain',
      prefix: '',
      sweep: false,
      lifecycle: [],
    });
  });

  it('takes an endpoint as host, as host and port, and as URL', () => {
    const parts = (options: Partial<S3Options>): unknown => {
      const { host, port, secure } = toSettings({ bucketName, ...options });
      return [host, port, secure];
    };
    expect(parts({ endpoint: 'minio.local:9000', secure: false })).toEqual(['minio.local', 9000, false]);
    expect(parts({ endpoint: 'minio.local' })).toEqual(['minio.local', undefined, true]);
    expect(parts({ endpoint: 'http://localhost:9000' })).toEqual(['localhost', 9000, false]);
    expect(parts({ endpoint: 'https://fra1.digitaloceanspaces.com' })).toEqual([
      'fra1.digitaloceanspaces.com',
      undefined,
      true,
    ]);
  });

  it.each<[string, unknown]>([
    ['bucketName', { bucketName: 'Upper' }],
    ['bucketName', { bucketName: '../x' }],
    ['bucketName', { bucketName: undefined }],
    ['secretAccessKey', { accessKeyId: 'a' }],
    ['accessKeyId', { secretAccessKey: 'a' }],
    ['accessKeyId', { accessKeyId: '', secretAccessKey: 'a' }],
    ['endpoint', { endpoint: 'http://user:secret@host' }],
    ['endpoint', { endpoint: 'ftp://host' }],
    ['endpoint', { endpoint: 'http://host/path' }],
    ['secure', { endpoint: 'http://host', secure: true }],
    ['secure', { secure: 'yes' }],
    ['prefix', { prefix: '../a' }],
    ['prefix', { prefix: 'a//b' }],
    ['prefix', { prefix: '-a' }],
    ['prefix', { prefix: 'a\nb' }],
    ['layout', { layout: 'flat' }],
    ['partBytes', { partBytes: 1 }],
    ['conditional', { conditional: ['writes'] }],
    ['conditional', { conditional: ['stream'] }],
    ['conditional', { conditional: 'write' }],
    ['scanLimit', { scanLimit: 0 }],
    ['maxConnections', { maxConnections: 0 }],
    ['lifecycle[0]', { lifecycle: [0.5] }],
    ['client', { client: new Client({ endPoint: 'localhost' }), endpoint: 'localhost' }],
  ])('refuses a wrong %s', (path, wrong) => {
    const options = { bucketName, ...(wrong as Partial<S3Options>) };
    let thrown: unknown;
    try {
      createS3(options);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'invalid_argument', details: { path } });
    expect(String((thrown as Error).message)).not.toContain('secret@');
  });

  it('states capabilities before open, by the options alone', () => {
    const flags = (options: Partial<S3Options>): unknown => {
      const { keys, list, conditional, conditionalDelete, conditionalStreams } = createS3({ bucketName, ...options })
        .capabilities.records;
      return [keys, list, conditional, conditionalDelete, conditionalStreams];
    };
    expect(flags({})).toEqual(['path', 'native', 'data', false, false]);
    expect(flags({ layout: 'safe', conditional: [] })).toEqual(['any', 'ordered', 'none', false, false]);
    expect(flags({ conditional: ['write', 'stream', 'delete'] })).toEqual(['path', 'native', 'data', true, true]);
  });
});
