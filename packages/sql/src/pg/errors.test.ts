import { describe, expect, it } from '@jest/globals';
import { isContended, postgresTranslator, sqlState } from './errors.ts';

const translate = postgresTranslator('db:5432/app');
const site = { operation: 'records.store', key: 'k', write: true };

function nativeError(code: string, message = 'the text of the server, with a stored value'): Error {
  return Object.assign(new Error(message), { code });
}

describe('errors of PostgreSQL', () => {
  it.each([
    ['53100', 'quota_exceeded', 'no', /disk .* full/],
    ['53200', 'quota_exceeded', 'no', /memory/],
    ['53300', 'unavailable', 'no', /poolSize/],
    ['54000', 'too_large', 'no', /stream/],
    ['22021', 'invalid_argument', 'no', /UTF8/],
    ['57014', 'timeout', 'no', /statement_timeout/],
    ['55P03', 'unavailable', 'no', /lock_timeout/],
    ['40P01', 'unavailable', 'no', /Try again/],
    ['25P03', 'timeout', 'no', /idle/],
    ['57P01', 'unavailable', 'unknown', /lost/],
    ['57P03', 'unavailable', 'no', /starting or shutting down/],
    ['08006', 'unavailable', 'unknown', /lost/],
    ['3F000', 'version_mismatch', 'no', /schema/],
    ['XX000', 'internal', 'unknown', /does not know \(XX000\)/],
  ])('%s is %s, applied: %s', (state, code, applied, message) => {
    const error = translate(nativeError(state), site);
    expect(error).toMatchObject({ code, applied, backend: 'postgres', operation: 'records.store', key: 'k' });
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('stored value');
  });

  it.each([
    ['Connection terminated unexpectedly', 'unavailable', 'unknown'],
    ['Client has encountered a connection error and is not queryable', 'unavailable', 'no'],
    ['timeout exceeded when trying to connect', 'unavailable', 'no'],
    ['SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string', 'unauthenticated', 'no'],
  ])('knows what the driver says without a code: %s', (message, code, applied) => {
    expect(translate(new Error(message), site)).toMatchObject({ code, applied });
  });

  it('tells what the server undid because writers met', () => {
    expect(isContended(nativeError('40P01'))).toBe(true);
    expect(isContended(nativeError('40001'))).toBe(true);
    expect(isContended(nativeError('23505'))).toBe(false);
    expect(sqlState(nativeError('ECONNRESET'))).toBe('');
    expect(sqlState(undefined)).toBe('');
  });
});
