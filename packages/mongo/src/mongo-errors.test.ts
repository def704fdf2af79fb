import { describe, expect, it } from '@jest/globals';
import { alreadyExists, conflict } from '@storage/backend-kit';
import { isContended, isDuplicate, translateMongo } from './mongo-errors.ts';

function native(name: string, code: number | undefined, message = 'secret words'): Error {
  return Object.assign(new Error(message), { name, ...(code !== undefined && { code }) });
}

const site = { operation: 'records.store', key: 'k', write: true } as const;

describe('errors of the server', () => {
  it.each<[number, string, string]>([
    [18, 'unauthenticated', 'authSource'],
    [13, 'permission_denied', 'readWrite'],
    [50, 'timeout', 'time'],
    [112, 'unavailable', 'nothing was applied'],
    [121, 'invalid_argument', 'collection'],
    [166, 'invalid_argument', 'view'],
    [73, 'invalid_argument', 'database'],
    [8, 'quota_exceeded', 'quota'],
    [14031, 'quota_exceeded', 'disk'],
    [17420, 'too_large', '16 MiB'],
    [10334, 'too_large', '16 MiB'],
    [100, 'invalid_argument', 'writeConcern'],
    [64, 'unavailable', 'writeConcern'],
    [10107, 'unavailable', 'primary'],
    [11600, 'unavailable', 'primary'],
  ])('%i is %s and names what to look at', (code, expected, hint) => {
    const text = code === 17420 || code === 10334 ? 'object larger than allowed' : 'secret words';
    const error = translateMongo(native('MongoServerError', code, text), site);
    expect(error).toMatchObject({ code: expected, details: { mongo: code } });
    expect(error.message).toContain(hint);
    expect(error.message).not.toContain('secret');
  });

  it('takes 2 for a size only where the server speaks of one', () => {
    expect(translateMongo(native('MongoServerError', 2, 'Size 17 is larger than MaxDocumentSize'), site).code).toBe(
      'too_large',
    );
    expect(translateMongo(native('MongoServerError', 2), site).code).toBe('internal');
  });

  it('says of a write that may be there that it may be', () => {
    expect(translateMongo(native('MongoWriteConcernError', 64), site).applied).toBe('unknown');
    expect(translateMongo(native('MongoServerError', 10107), site).applied).toBe('unknown');
    expect(translateMongo(native('MongoServerError', 13), site).applied).toBe('no');
  });
});

describe('errors of the driver', () => {
  it.each([
    ['MongoServerSelectionError', 'no'],
    ['MongoPoolClearedError', 'no'],
    ['MongoWaitQueueTimeoutError', 'no'],
    ['MongoNetworkError', 'unknown'],
    ['MongoNetworkTimeoutError', 'unknown'],
    ['PoolClearedOnNetworkError', 'unknown'],
  ])('%s is an outage, with the write applied: %s', (name, applied) => {
    expect(translateMongo(native(name, undefined), site)).toMatchObject({
      code: 'unavailable',
      retryable: true,
      applied,
    });
  });

  it('sees through a bulk that never got an answer', () => {
    const bulk = Object.assign(native('MongoBulkWriteError', undefined), {
      errorResponse: native('MongoNetworkError', undefined),
    });
    expect(translateMongo(bulk, site)).toMatchObject({ code: 'unavailable', applied: 'unknown' });
  });

  it('tells a connection string from a reply that can not be read', () => {
    const parse = native('MongoParseError', undefined, 'option secret is not supported');
    expect(translateMongo(parse, { operation: 'open', key: undefined, write: false })).toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('`url`'),
    });
    const garbage = native('MongoParseError', undefined, 'Message size cannot be negative: -1');
    expect(translateMongo(garbage, site)).toMatchObject({ code: 'unavailable', applied: 'unknown' });
  });

  it('does not know what it does not know', () => {
    expect(translateMongo(native('MongoServerError', 4711), site)).toMatchObject({
      code: 'internal',
      applied: 'unknown',
    });
  });
});

describe('errors of conditions', () => {
  it('knows a duplicate by both words for it', () => {
    expect(isDuplicate(native('MongoServerError', 11000))).toBe(true);
    expect(isDuplicate(native('MongoServerError', 1, 'duplicate key value violates unique constraint'))).toBe(true);
    expect(isDuplicate(native('MongoServerError', 1, 'something else'))).toBe(false);
    expect(isDuplicate(undefined)).toBe(false);
  });

  it('knows what the server undid for another by both words for it', () => {
    for (const error of [
      native('MongoServerError', 112),
      native('MongoServerError', 16908292, 'deadlock detected'),
      Object.assign(native('MongoServerError', 1), { cause: native('MongoServerError', 112) }),
    ]) {
      expect(isContended(error)).toBe(true);
    }
    expect(translateMongo(native('MongoServerError', 16908292, 'deadlock detected'), site)).toMatchObject({
      code: 'unavailable',
      applied: 'no',
    });
    expect(isContended(native('MongoServerError', 11000))).toBe(false);
  });

  it('says that nothing was applied', () => {
    expect(conflict('k')).toMatchObject({ code: 'conflict', key: 'k', applied: 'no' });
    expect(alreadyExists('k', 'e')).toMatchObject({ code: 'already_exists', applied: 'no', details: { etag: 'e' } });
  });
});
