import { createHash } from 'node:crypto';
import { describeError } from '@storage/backend-kit';
import type { RedisArgument, RedisConnection } from './redis-connection.ts';

/*
 * A record is a hash: `e` its etag, `v` its content, `h` the rest as lines: created, updated, expires (empty: never),
 * kind and size (and of a stream, behind a blank, the version and the size of its chunks), content type, metadata.
 * Every script checks what can fail before its first write: scripts do not roll back. Values are never decoded.
 */

const present = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function text(number) return string.format('%.0f', number) end
`;

/** An empty bucket leaves nothing behind. */
const vacate = `if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('DEL', KEYS[3]) end`;

/** How long chunks of a stream outlive it, for who is reading them. */
const chunkGraceMs = 5 * 60_000;

/** Gives the chunks of a record that goes a little time for those who read them. */
const dropChunks = `
local function drop(rest, chunks)
  local version = string.match(rest, '^%d+\\n%d+\\n%d*\\n[jb]%d+ ([^/]*)/')
  if version then redis.call('PEXPIRE', chunks .. version, ${chunkGraceMs}) end
end
`;

/**
 * Stores records of one bucket. KEYS: order, expiry, shapes, records. ARGV: the name of chunks, 1 for all or none, the width of a row, its shape, then
 * rows: key, condition (`a`, `m` or none), its etag, new etag, ttl (empty: none), head, content, and pairs of further fields.
 * Answers the present, then for each row what it was created (empty: now), or `!` and why not. All or none, refused: the place and why.
 */
const write = `${present}${dropChunks}
local order, expiry, chunks, width = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[3])
local count = #KEYS - 3
local function refusal(at, etag)
  local condition = ARGV[at + 1]
  if condition == 'a' and etag then return '!a' .. etag end
  if condition == 'm' and etag ~= ARGV[at + 2] then return '!c' end
end
if ARGV[2] == '1' then
  local etags = {}
  for index = 1, count do
    local record, at = KEYS[index + 3], 5 + (index - 1) * width
    local etag = etags[record]
    if etag == nil then
      etag = redis.pcall('HGET', record, 'e')
      if type(etag) == 'table' then return {text(now), index, '!w'} end
    end
    local refused = refusal(at, etag)
    if refused then return {text(now), index, refused} end
    etags[record] = ARGV[at + 3]
  end
end
local answers, shaped = {text(now)}, false
for index = 1, count do
  local record, at = KEYS[index + 3], 5 + (index - 1) * width
  local old = redis.pcall('HMGET', record, 'e', 'h')
  local refused = old.err and '!w' or refusal(at, old[1])
  local rest, created, expired = old[2], '', false
  if rest then
    created, expired = string.match(rest, '^(%d+)\\n%d+\\n(%d*)\\n')
    if not created then refused = '!w' end
  end
  if refused then answers[index + 1] = refused
  else
    local key, ttl = ARGV[at], ARGV[at + 4]
    if not shaped then shaped = redis.call('SADD', KEYS[3], ARGV[4]) end
    redis.call('ZADD', order, 0, key)
    if rest then
      drop(rest, chunks)
      redis.call('DEL', record)
    end
    local expires = ''
    if ttl ~= '' then
      expires = text(now + tonumber(ttl))
      redis.call('ZADD', expiry, expires, key)
    elseif expired ~= '' then redis.call('ZREM', expiry, key) end
    local head = (rest and created or text(now)) .. '\\n' .. text(now) .. '\\n' .. expires .. '\\n' .. ARGV[at + 5]
    if width == 7 then redis.call('HSET', record, 'e', ARGV[at + 3], 'h', head, 'v', ARGV[at + 6])
    else redis.call('HSET', record, 'e', ARGV[at + 3], 'h', head, 'v', ARGV[at + 6], unpack(ARGV, at + 7, at + width - 1)) end
    if ttl ~= '' then
      redis.call('PEXPIREAT', record, expires)
      for _, gone in ipairs(redis.call('ZRANGEBYSCORE', expiry, '-inf', text(now), 'LIMIT', 0, 2)) do
        redis.call('ZREM', order, gone)
        redis.call('ZREM', expiry, gone)
      end
    end
    answers[index + 1] = created
  end
end
return answers
`;

/**
 * Puts a stream in place whose chunks are there. KEYS: order, expiry, shapes, record, chunks. ARGV: the shape, then as a row of \`write\` without content, the
 * number of chunks first. Answers the present and created, or why not.
 */
const publish = `${present}${dropChunks}
local order, expiry, shapes, record, staged = unpack(KEYS)
local old = redis.pcall('HMGET', record, 'e', 'h')
if old.err then return {text(now), '!w'} end
local condition = ARGV[4]
if condition == 'a' and old[1] then return {text(now), '!a' .. old[1]} end
if condition == 'm' and old[1] ~= ARGV[5] then return {text(now), '!c'} end
if redis.call('HLEN', staged) ~= tonumber(ARGV[2]) then return {text(now), '!s'} end
local key, ttl, rest = ARGV[3], ARGV[7], old[2]
local created = ''
if rest then created = string.match(rest, '^(%d+)\\n') end
if not created then return {text(now), '!w'} end
redis.call('SADD', shapes, ARGV[1])
redis.call('ZADD', order, 0, key)
if rest then
  drop(rest, ARGV[9])
  redis.call('DEL', record)
end
local expires = ''
if ttl ~= '' then
  expires = text(now + tonumber(ttl))
  redis.call('ZADD', expiry, expires, key)
else redis.call('ZREM', expiry, key) end
local head = (rest and created or text(now)) .. '\\n' .. text(now) .. '\\n' .. expires .. '\\n' .. ARGV[8]
redis.call('HSET', record, 'e', ARGV[6], 'h', head)
if #ARGV > 9 then redis.call('HSET', record, unpack(ARGV, 10)) end
if ttl ~= '' then
  redis.call('PEXPIREAT', record, expires)
  redis.call('PEXPIREAT', staged, text(tonumber(expires) + ${chunkGraceMs}))
else redis.call('PERSIST', staged) end
return {text(now), created}
`;

/** Removes records of one bucket. KEYS: order, expiry, shapes, records. ARGV: the name of chunks, then key and etag (empty: any) of each. Answers 1, 0 or why not. */
const remove = `${dropChunks}
local order, expiry, chunks = KEYS[1], KEYS[2], ARGV[1]
local answers = {}
for index = 1, #KEYS - 3 do
  local record, at = KEYS[index + 3], index * 2
  local old = redis.pcall('HMGET', record, 'e', 'h')
  if old.err then answers[index] = '!w'
  elseif ARGV[at + 1] ~= '' and old[1] ~= ARGV[at + 1] then answers[index] = '!c'
  else
    redis.call('ZREM', order, ARGV[at])
    redis.call('ZREM', expiry, ARGV[at])
    if old[2] then drop(old[2], chunks) end
    answers[index] = redis.call('DEL', record)
  end
end
${vacate}
return answers
`;

/** Changes the expiry of a record. KEYS: order, expiry, record. ARGV: the name of chunks, key, ttl (empty: never). Answers whether it was there. */
const touch = `${present}
local rest = redis.call('HGET', KEYS[3], 'h')
if not rest then return 0 end
local key, ttl = ARGV[2], ARGV[3]
local version = string.match(rest, '^%d+\\n%d+\\n%d*\\n[jb]%d+ ([^/]*)/')
local expires = ''
redis.call('ZADD', KEYS[1], 0, key)
if ttl == '' then
  redis.call('ZREM', KEYS[2], key)
  redis.call('PERSIST', KEYS[3])
  if version then redis.call('PERSIST', ARGV[1] .. version) end
else
  expires = text(now + tonumber(ttl))
  redis.call('ZADD', KEYS[2], expires, key)
  redis.call('PEXPIREAT', KEYS[3], expires)
  if version then redis.call('PEXPIREAT', ARGV[1] .. version, text(tonumber(expires) + ${chunkGraceMs})) end
end
redis.call('HSET', KEYS[3], 'h', (string.gsub(rest, '^(%d+\\n%d+\\n)%d*', '%1' .. expires, 1)))
return 1
`;

/** Reads records of one bucket. KEYS: records. ARGV: fields. */
const read = `
local answers = {}
for index, record in ipairs(KEYS) do answers[index] = redis.call('HMGET', record, unpack(ARGV)) end
return answers
`;

/** Takes keys whose record is gone out of the indexes. KEYS: order, expiry, shapes, records. ARGV: their keys. */
const heal = `
for index, key in ipairs(ARGV) do
  if redis.call('EXISTS', KEYS[index + 3]) == 0 then
    redis.call('ZREM', KEYS[1], key)
    redis.call('ZREM', KEYS[2], key)
  end
end
${vacate}
return 1
`;

/** Tells that namespaces are written to. KEYS: names, seen. ARGV: their paths. */
const register = `${present}
for _, path in ipairs(ARGV) do
  redis.call('ZADD', KEYS[1], 0, path)
  redis.call('ZADD', KEYS[2], text(now), path)
end
return text(now)
`;

/** Namespaces to which nobody has written for a while. KEYS: seen. ARGV: how long, how many. Answers path and time of each. */
const stale = `${present}
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', text(now - tonumber(ARGV[1])), 'WITHSCORES', 'LIMIT', 0, tonumber(ARGV[2]))
`;

/** Forgets a namespace unless somebody has written to it since. KEYS: names, seen. ARGV: path, the time that was seen. */
const forget = `
local score = redis.call('ZSCORE', KEYS[2], ARGV[1])
if score and tonumber(score) ~= tonumber(ARGV[2]) then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
`;

/**
 * Records that RediSearch finds in a bucket. KEYS: order, expiry, shapes. ARGV: index, the shape of records that it holds, a query for
 * all that it holds, the query, how many at most, the name of records. Where records of another shape were written they are counted
 * first; answers the names of what was found, or nothing where the index does not hold every record. For one server alone: it looks at
 * keys that are not declared.
 */
const search = `${present}
local shapes = redis.call('SMEMBERS', KEYS[3])
if #shapes == 0 then return {} end
if #shapes > 1 or shapes[1] ~= ARGV[2] then
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', text(now), 'LIMIT', 0, 1000)) do
    redis.call('EXISTS', ARGV[6] .. gone)
    redis.call('ZREM', KEYS[1], gone)
    redis.call('ZREM', KEYS[2], gone)
  end
  local held = redis.call('FT.SEARCH', ARGV[1], ARGV[3], 'NOCONTENT', 'LIMIT', 0, 0, 'TIMEOUT', 0, 'DIALECT', 2)
  if held[1] ~= redis.call('ZCARD', KEYS[1]) then return false end
  redis.call('DEL', KEYS[3])
  redis.call('SADD', KEYS[3], ARGV[2])
end
local found = redis.call('FT.SEARCH', ARGV[1], ARGV[4], 'NOCONTENT', 'LIMIT', 0, ARGV[5], 'TIMEOUT', 0, 'DIALECT', 2)
table.remove(found, 1)
return found
`;

/** Changes the expiry of a cache's record, which begins with it. KEYS: record. ARGV: ttl (empty: never). Answers whether it was there. */
const touchPlain = `${present}
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if ARGV[1] == '' then
  redis.call('SETRANGE', KEYS[1], 0, '0000000000000')
  redis.call('PERSIST', KEYS[1])
else
  local expires = text(now + tonumber(ARGV[1]))
  redis.call('SETRANGE', KEYS[1], 0, expires)
  redis.call('PEXPIREAT', KEYS[1], expires)
end
return 1
`;

/** Changes a cache's record on a condition. KEYS: record. ARGV: condition and its etag, then the new content and ttl; without them it is deleted. */
const writePlain = `
local size = redis.pcall('GETRANGE', KEYS[1], 26, 29)
if type(size) == 'table' then return '!w' end
local etag = false
if size ~= '' then etag = redis.call('GETRANGE', KEYS[1], 30, 29 + tonumber(size, 16)) end
if ARGV[1] == 'a' and etag then return '!a' .. etag end
if ARGV[1] == 'm' and etag ~= ARGV[2] then return '!c' end
if #ARGV == 2 then return redis.call('DEL', KEYS[1]) end
if ARGV[4] == '' then redis.call('SET', KEYS[1], ARGV[3]) else redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4]) end
return 1
`;

/** A script and the name by which the server knows it. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

function script(source: string): Script {
  const lines = source.trim();
  return { source: lines, sha: createHash('sha1').update(lines).digest('hex') };
}

export const scripts: {
  readonly [name in
    | 'write'
    | 'publish'
    | 'remove'
    | 'touch'
    | 'read'
    | 'heal'
    | 'register'
    | 'stale'
    | 'forget'
    | 'search'
    | 'touchPlain'
    | 'writePlain']: Script;
} = {
  write: script(write),
  publish: script(publish),
  remove: script(remove),
  touch: script(touch),
  read: script(read),
  heal: script(heal),
  register: script(register),
  stale: script(stale),
  forget: script(forget),
  search: script(search),
  touchPlain: script(touchPlain),
  writePlain: script(writePlain),
};

/** Runs a script by its name; a server that does not know it (it was restarted) has refused before it did anything, and is sent the source. */
export async function run(
  connection: RedisConnection,
  { sha, source }: Script,
  keys: readonly string[],
  args: readonly RedisArgument[],
  bytes = false,
): Promise<unknown> {
  const all: RedisArgument[] = [sha, keys.length, ...keys, ...args];
  try {
    return await (bytes ? connection.bytes('evalsha', all) : connection.command('evalsha', all));
  } catch (error) {
    if (!describeError(error).message.startsWith('NOSCRIPT')) throw error;
    all[0] = source;
    return bytes ? connection.bytes('eval', all) : connection.command('eval', all);
  }
}
