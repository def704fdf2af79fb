import {
  createTranslator,
  type NativeError,
  type Translate,
  type Translation,
  translateNetwork,
} from '@storage/backend-kit';
import { StorageError } from '@storage/core';

/** What the server calls an error: the first of its words that is one of its codes. Inside a script others may stand before it. */
const serverCode =
  /\b(NOAUTH|WRONGPASS|NOPERM|OOM|READONLY|LOADING|MISCONF|CLUSTERDOWN|MASTERDOWN|NOREPLICAS|BUSY|TRYAGAIN|WRONGTYPE|CROSSSLOT|NOSCRIPT|NOPROTO|UNKILLABLE)\b/;

const serverRules: { readonly [code: string]: Translation } = {
  NOAUTH: {
    code: 'unauthenticated',
    applied: 'no',
    message: 'The server wants a password; give `password` (or REDIS_PASSWORD), with `username` where it has users.',
  },
  WRONGPASS: {
    code: 'unauthenticated',
    applied: 'no',
    message: 'The server refused the credentials; check `password` (or REDIS_PASSWORD) and `username`.',
  },
  NOPERM: {
    code: 'permission_denied',
    applied: 'no',
    message:
      "The user may not do this; give it the rights to the keys, channels and commands of this `prefix` in the server's ACL.",
  },
  OOM: {
    code: 'quota_exceeded',
    applied: 'no',
    message: 'The server has used up its memory; raise `maxmemory`, choose an eviction policy, or delete something.',
  },
  READONLY: {
    code: 'permission_denied',
    applied: 'no',
    message: 'The server is a read-only replica; point `host` and `port` at the master, or use `sentinels`.',
  },
  LOADING: {
    code: 'unavailable',
    applied: 'no',
    message: 'The server is still loading its data; try again in a moment.',
  },
  MISCONF: {
    code: 'unavailable',
    applied: 'no',
    message:
      "The server can't save to its disk and takes no writes; free space or mend its `dir`, or see `stop-writes-on-bgsave-error`.",
  },
  CLUSTERDOWN: {
    code: 'unavailable',
    applied: 'no',
    message: 'The cluster is down: some of its slots are served by no node.',
  },
  MASTERDOWN: {
    code: 'unavailable',
    applied: 'no',
    message: 'The replica has lost its master; try again when one is elected.',
  },
  NOREPLICAS: {
    code: 'unavailable',
    applied: 'no',
    message: 'The server has too few replicas to take writes (`min-replicas-to-write`).',
  },
  BUSY: {
    code: 'unavailable',
    applied: 'no',
    message: 'The server is busy with a script; wait, or end it by `SCRIPT KILL`.',
  },
  TRYAGAIN: {
    code: 'unavailable',
    applied: 'no',
    message: 'The keys are on their way to another node of the cluster; try again.',
  },
  WRONGTYPE: {
    code: 'invalid_state',
    applied: 'no',
    message: 'A key of this store holds something else; choose another `prefix`, or delete what is not of this store.',
  },
};

const lostMessage = 'The connection to the server was lost before it answered.';

/** ioredis' own words. They carry no code. */
function clientRules(message: string): Translation | undefined {
  if (/Stream isn't writeable|Cluster isn't ready/.test(message)) {
    return {
      code: 'unavailable',
      applied: 'no',
      message: 'There is no connection to the server at present; it is tried again all the while.',
    };
  }
  if (/max retries per request|Connection is closed|Command aborted due to connection close/i.test(message))
    return { code: 'unavailable', message: lostMessage };
  if (
    /Failed to refresh slots cache|None of startup nodes|Cluster is ended|Too many Cluster redirections/.test(message)
  ) {
    return {
      code: 'unavailable',
      applied: 'no',
      message: 'No node of the cluster can be reached; check `cluster` and that the nodes run.',
    };
  }
  if (/All sentinels are unreachable/.test(message)) {
    return {
      code: 'unavailable',
      applied: 'no',
      message: 'No sentinel names a master; check `sentinels`, `masterName` and `sentinelPassword`.',
    };
  }
  if (/^Protocol error|^ERR Protocol error/.test(message))
    return { code: 'unavailable', message: 'The server closed the connection for a protocol error.' };
  return undefined;
}

function rules(error: NativeError): Translation | undefined {
  const { message } = error;
  // What the parser can't read, what answers another question, and errors that no server words like this.
  const junk = error.name === 'ReplyError' && !/^-?[A-Z][A-Z]+\b/.test(message);
  if (junk || /^Unknown RESP type|Please report this\.$/.test(message))
    return {
      code: 'unavailable',
      message: 'What came back was no Redis protocol; check that `host` and `port` are those of a Redis server.',
    };
  if (/DB index is out of range|SELECT is not allowed in cluster mode/.test(message)) {
    return {
      code: 'invalid_argument',
      applied: 'no',
      details: { path: 'db' },
      message: 'The server has no database of this number; check `db`, or raise `databases` in its configuration.',
    };
  }
  if (/max number of clients reached/.test(message)) {
    return {
      code: 'unavailable',
      applied: 'no',
      message: 'The server takes no more clients; close some, or raise `maxclients`.',
    };
  }
  const known = serverCode.exec(message)?.[1];
  const rule = known === undefined ? undefined : serverRules[known];
  return rule ?? clientRules(message) ?? network(error);
}

function network(error: NativeError): Translation | undefined {
  const known = translateNetwork(error);
  return known?.applied === 'no'
    ? {
        ...known,
        message: `The server can't be reached (${error.code}); check \`host\` and \`port\` (or REDIS_HOST, REDIS_PORT).`,
      }
    : known;
}

/** The only place where errors of Redis and ioredis become a `StorageError`. */
export const translateRedis: Translate = createTranslator('redis', rules);

/** A reply that has to be a list. */
export function listOf<T>(reply: unknown): T[] {
  if (Array.isArray(reply)) return reply as T[];
  throw new Error('Unknown RESP type: the reply is no list.');
}

/** A reply that has to be `OK`. */
export function assertOk(reply: unknown): void {
  if (reply !== 'OK') throw new Error('Unknown RESP type: the reply is not OK.');
}

/** Whether the connection was lost under a command, so that nobody knows whether it was carried out. */
export function isLost(error: StorageError): boolean {
  return error.code === 'unavailable' && error.applied === 'unknown';
}

/** A stream whose chunks are gone. */
export function replaced(key: string): StorageError {
  return new StorageError({
    code: 'conflict',
    message: 'The record was replaced while it was read; read it again.',
    key,
  });
}

/** A key of ours that holds something else. */
export function wrongType(key: string): StorageError {
  const { code, message } = serverRules['WRONGTYPE'] as Translation;
  return new StorageError({ code, message, key, applied: 'no' });
}
