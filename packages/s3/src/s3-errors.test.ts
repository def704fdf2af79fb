import { describe, expect, it } from '@jest/globals';
import { s3Translator } from './s3-errors.ts';
import { toSettings } from './s3-options.ts';

const secretAccessKey = 'a-secret-that-nobody-may-see';
const translate = s3Translator(toSettings({ bucketName: 'praval-data', accessKeyId: 'AKIA', secretAccessKey }));
const site = { operation: 'records.store', key: 'k', write: true };

/** What a server says, with a text that may hold anything. */
function said(code: string, more: object = {}): object {
  return Object.assign(new Error(`The server said ${secretAccessKey}`), { code, ...more });
}

describe('s3Translator', () => {
  it.each<[string, string, string, string]>([
    ['InvalidAccessKeyId', 'unauthenticated', 'no', 'accessKeyId'],
    ['SignatureDoesNotMatch', 'unauthenticated', 'no', 'secretAccessKey'],
    ['ExpiredToken', 'unauthenticated', 'no', 'sessionToken'],
    ['RequestTimeTooSkewed', 'unauthenticated', 'no', 'clock'],
    ['AccessDenied', 'permission_denied', 'no', 'policy'],
    ['NoSuchBucket', 'not_found', 'no', 'autoCreate'],
    ['BucketAlreadyExists', 'permission_denied', 'no', 'bucketName'],
    ['PermanentRedirect', 'invalid_argument', 'no', 'region'],
    ['AuthorizationHeaderMalformed', 'invalid_argument', 'no', 'region'],
    ['EntityTooLarge', 'too_large', 'no', 'split'],
    ['MetadataTooLarge', 'too_large', 'no', 'data'],
    ['XMinioStorageFull', 'quota_exceeded', 'no', 'space'],
    ['SlowDown', 'rate_limited', 'no', 'later'],
    ['InternalError', 'unavailable', 'unknown', 'server'],
    ['ECONNREFUSED', 'unavailable', 'no', 'address'],
    ['ECONNRESET', 'unavailable', 'unknown', 'lost'],
    ['EPROTO', 'unavailable', 'no', 'secure'],
    ['HPE_INVALID_CONSTANT', 'unavailable', 'unknown', 'endpoint'],
    ['SomethingNew', 'internal', 'unknown', 'cause'],
  ])('tells %s as %s', (native, code, applied, word) => {
    const error = translate(said(native), site);
    expect([error.code, error.applied]).toEqual([code, applied]);
    expect(error.message).toContain(word);
    expect(`${error.message} ${JSON.stringify(error)}`).not.toContain(secretAccessKey);
  });

  it('tells when to come back', () => {
    const error = translate(said('SlowDown', { retryAfterMs: 3000 }), site);
    expect([error.retryable, error.details]).toEqual([true, { s3: 'SlowDown', retryAfterMs: 3000 }]);
  });

  it('takes any trouble of the server as an outage', () => {
    expect(translate(said('XMinioServerNotInitialized', { status: 503 }), site).code).toBe('unavailable');
  });
});
