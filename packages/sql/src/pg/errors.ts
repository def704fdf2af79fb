import {
  createTranslator,
  type NativeError,
  type Translate,
  type Translation,
  translateNetwork,
} from '@storage/backend-kit';

/** What is said of an SQLSTATE or of what the driver and `node:tls` say in its place. */
export type PostgresRule = (error: NativeError, where: string) => Translation;

/** A rule of one code; `{where}` in its message is the server. */
export function postgresRule(
  code: Translation['code'],
  message: string,
  more: Partial<Translation> = {},
): PostgresRule {
  return (error, where) => ({
    code,
    message: message.replace('{where}', where),
    details: error.code === '' ? undefined : { sqlstate: error.code },
    ...more,
  });
}

const refused = postgresRule(
  'unauthenticated',
  'PostgreSQL at {where} refused the credentials; check `user` and `password`, or those in `url`, and that pg_hba.conf lets this host in.',
  { applied: 'no' },
);
const readOnly = postgresRule(
  'permission_denied',
  'PostgreSQL at {where} takes no writes from here: it is a standby or read-only. Point `host` at the primary, or connect as another `user`.',
  { applied: 'no' },
);
const noTables = postgresRule(
  'version_mismatch',
  "The tables of the store are not there. Check `schema`, and open it once with migrate: 'auto'.",
  { applied: 'no' },
);
const contended = postgresRule('unavailable', 'Other writers held the same rows; nothing was applied. Try again.', {
  applied: 'no',
});
const lost = postgresRule('unavailable', 'The connection to PostgreSQL at {where} was lost.');
const unreachable = postgresRule(
  'unavailable',
  'PostgreSQL at {where} is not to be reached; check `host` and `port`, or `url`, and that the server runs.',
  { applied: 'no' },
);
const untrusted = postgresRule(
  'unavailable',
  'No TLS connection to PostgreSQL at {where} can be made; check `ssl` and the certificate of the server.',
  { applied: 'no', retryable: false },
);
const crowded = postgresRule(
  'unavailable',
  'PostgreSQL at {where} has no connection left; lower `poolSize`, or raise max_connections on the server.',
  { applied: 'no' },
);
const tooLarge = postgresRule(
  'too_large',
  'The value is larger than PostgreSQL holds in one row; store it as a stream, or split it.',
  { applied: 'no' },
);
const badText = postgresRule(
  'invalid_argument',
  'PostgreSQL does not take this text; the database must be encoded in UTF8.',
  {
    applied: 'no',
  },
);

const rules: { readonly [code: string]: PostgresRule } = {
  '28P01': refused,
  '28000': refused,
  '3D000': postgresRule(
    'not_found',
    'There is no such database: {where}. Create it, or change `database`, or the end of `url`.',
    { applied: 'no' },
  ),
  '42501': postgresRule(
    'permission_denied',
    'The `user` may not do this at {where}; grant it the rights on the `schema`, or connect as another `user`.',
    { applied: 'no' },
  ),
  '25006': readOnly,
  '53100': postgresRule(
    'quota_exceeded',
    'The disk of PostgreSQL at {where} is full; nothing was applied. Free space on it.',
    {
      applied: 'no',
    },
  ),
  '53200': postgresRule('quota_exceeded', 'PostgreSQL at {where} ran out of memory; nothing was applied.', {
    applied: 'no',
  }),
  '53300': crowded,
  '53400': postgresRule('quota_exceeded', 'A limit of PostgreSQL at {where} is reached; nothing was applied.', {
    applied: 'no',
  }),
  '54000': tooLarge,
  '54001': tooLarge,
  '22021': badText,
  '22P05': badText,
  '57014': postgresRule(
    'timeout',
    'PostgreSQL ended the statement: its statement_timeout or an administrator did. Nothing was applied.',
    { applied: 'no' },
  ),
  '55P03': postgresRule(
    'unavailable',
    'Others held a lock for longer than lock_timeout; nothing was applied. Try again.',
    {
      applied: 'no',
    },
  ),
  '40001': contended,
  '40P01': contended,
  '25P02': postgresRule('invalid_state', 'The transaction failed before; nothing of it is applied.', { applied: 'no' }),
  '25P03': postgresRule('timeout', 'The transaction was idle for too long, and the server ended it.', {
    applied: 'no',
  }),
  '42P01': noTables,
  '3F000': noTables,
  '57P01': lost,
  '57P02': lost,
  '57P03': postgresRule('unavailable', 'PostgreSQL at {where} is starting or shutting down; try again.', {
    applied: 'no',
  }),
  ECONNREFUSED: unreachable,
  ENOTFOUND: unreachable,
  EAI_AGAIN: unreachable,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ENOENT: unreachable,
};

/** What the driver says without a code, by how it begins. Before a statement was sent nothing can have been applied. */
const byMessage: readonly (readonly [string, PostgresRule])[] = [
  ['Connection terminated due to connection timeout', unreachable],
  ['timeout exceeded when trying to connect', crowded],
  ['timeout expired', unreachable],
  ['Connection terminated', lost],
  ['Client has encountered a connection error', postgresRule('unavailable', lostBefore(), { applied: 'no' })],
  ['Client was closed', postgresRule('unavailable', lostBefore(), { applied: 'no' })],
  [
    'Cannot use a pool after calling end',
    postgresRule('closed', 'The given `pool` has been ended.', { applied: 'no' }),
  ],
  ['The server does not support SSL', untrusted],
  ['There was an error establishing an SSL', untrusted],
  ['SASL', refused],
];

function lostBefore(): string {
  return 'The connection to PostgreSQL at {where} was lost before the statement was sent.';
}

/** What `node:tls` says when no connection can be made, or the certificate is not trusted. */
const tlsCodes =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH|EPROTO)/;

function ruleOf({ code }: NativeError): PostgresRule | undefined {
  if (tlsCodes.test(code)) return untrusted;
  return rules[code] ?? (code.startsWith('08') ? lost : undefined);
}

function translation(error: NativeError, where: string): Translation | undefined {
  const known = ruleOf(error);
  if (known !== undefined) return known(error, where);
  return byMessage.find(([start]) => error.message.startsWith(start))?.[1](error, where) ?? translateNetwork(error);
}

/**
 * The only place where errors of PostgreSQL and its driver become a `StorageError`. `more`: rules of a backend by code, which
 * come before these.
 */
export function postgresTranslator(
  where: string,
  backend: string = 'postgres',
  more: ReadonlyMap<string, PostgresRule> = new Map(),
): Translate {
  return createTranslator(backend, (error) => more.get(error.code)?.(error, where) ?? translation(error, where));
}

/** The SQLSTATE of what the server said; `''` for anything else. */
export function sqlState(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  const { code } = error;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : '';
}

/** Whether writers met, the server undid one of them, and the same may work at once. */
export function isContended(error: unknown): boolean {
  const state = sqlState(error);
  return state === '40P01' || state === '40001';
}
