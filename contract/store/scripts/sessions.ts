import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import type { SessionForm } from '../../wire/session-form.ts';
import type { Keys } from '../keys.ts';
import type { Recipient } from '../records.ts';
import { defineScript } from './library.ts';
import { TRIM_LUA } from './sweep.ts';

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] gateway · [3] OFFLINE_TTL_S, then per session: user, form, token field as it was checked or '', epoch to resume or ''
 * Returns 'no_lease', or per session {'claimed', epoch, 1 when a predecessor has yet to hand over, lost, size of the mailbox,
 *     last entry of this gateway's inbox or '', last message id} | {'refused'} | {'superseded'}
 * Atomic because: the epoch, the holder, the predecessor's end and both events must agree; the token is still the one that was checked.
 */
const claimScript = defineScript(
  'claim',
  `${TRIM_LUA}
local gateway, offlineTtl = ARGV[2], tonumber(ARGV[3])
if not live(gateway) then return 'no_lease' end
local newest = redis.call('XREVRANGE', P .. 'inbox:' .. gateway, '+', '-', 'COUNT', 1)[1]
newest = newest and newest[1] or ''
local lastMessage = redis.call('GET', P .. 'message_id') or '0'

local function claim(user, form, token, resume)
  local key = P .. 'user:' .. user
  local was = redis.call('HMGET', key, 'token', 'token_expires_at', 'gateway', 'epoch', 'form', 'expiring', 'resumed_from', 'owing', 'lost')
  if not was[1] then return { 'refused' } end
  local owing, lost, waiting = was[8] and 1 or 0, was[9] or '0', redis.call('ZCARD', P .. 'mailbox:' .. user)
  local function claimed(epoch) return { 'claimed', epoch, owing, lost, waiting, newest, lastMessage } end
  if resume ~= '' then
    -- asked again, because the connection broke before the answer came
    if was[3] == gateway and was[7] == resume then return claimed(was[4]) end
    -- a lower epoch: the store has lost what it acknowledged
    if tonumber(was[4] or '0') > tonumber(resume) then return { 'superseded' } end
  elseif was[1] ~= token or (was[2] and (tonumber(was[2]) or 0) * 1000 <= now) then return { 'refused' } end

  local epoch = int(math.max(tonumber(was[4] or '0'), tonumber(resume) or 0) + 1)
  if was[3] then
    if redis.call('ZSCORE', P .. 'gateways', was[3]) then
      -- what an acknowledging client has not got is in its mailbox already
      local hands_over = was[5] ~= 'ack'
      post(was[3], '["c",' .. text(user) .. ',' .. was[4] .. ',"taken_over",' .. (hands_over and 1 or 0) .. ']', '')
      if hands_over then
        owe(user, was[4])
        owing = 1
      end
    end
    redis.call('SREM', P .. 'sessions:' .. was[3], user)
    event(live(was[3]) and 'disconnected' or 'lost', user, was[4], was[3], 'taken_over')
  end
  redis.call('HSET', key, 'gateway', gateway, 'epoch', epoch, 'form', form, 'resumed_from', resume,
    'connected_at', int(now), 'last_seen', int(now))
  redis.call('SADD', P .. 'sessions:' .. gateway, user)
  redis.call('ZADD', P .. 'users', 0, user)
  event('connected', user, epoch, gateway, resume ~= '' and 'resumed' or 'verified')
  if waiting > 0 then
    trim(user, was[6], offlineTtl)
    lost, waiting = redis.call('HGET', key, 'lost') or '0', redis.call('ZCARD', P .. 'mailbox:' .. user)
  end
  return claimed(epoch)
end

local results = {}
for at = 4, #ARGV, 4 do results[#results + 1] = claim(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]) end
commit()
return results
`,
);

/**
 * KEYS[1] users
 * ARGV[1] prefix, then users
 * Returns per user the token field, or '' where there is none; where `user:<id>` is no hash, too
 * One call for many who connect at once: the check itself is the caller's, in constant time.
 */
const tokensScript = defineScript(
  'tokens',
  `
local tokens = {}
for at = 2, #ARGV do
  local token = redis.pcall('HGET', P .. 'user:' .. ARGV[at], 'token')
  tokens[#tokens + 1] = type(token) == 'string' and token or ''
end
return tokens
`,
);

/** What the tokens that these users present are checked against, in order; '' where a user has none. */
export async function readTokens(redis: RedisPort, keys: Keys, users: readonly string[]): Promise<string[]> {
  return (await redis.script(tokensScript, [keys.users], [keys.prefix, ...users])) as string[];
}

export interface ClaimRequest {
  userId: string;
  form: SessionForm;
  /** The `token` field that the presented token was checked against, or the epoch that this gateway held before it lost its lease. */
  proof: { tokenField: string } | { resumeEpoch: number };
}

export type ClaimResult =
  | {
      status: 'claimed';
      epoch: number;
      predecessorHandsOver: boolean;
      lost: number;
      waiting: number;
      /** What was routed before the claim is in our inbox up to this entry; undefined: all of it is done. */
      newestEntry: string | undefined;
      /** The newest message there was: a broadcast up to it was for those who were connected then. */
      lastMessageId: number;
    }
  | { status: 'refused' | 'superseded' };

/** Claims sessions for a gateway, in order. Answers `no_lease` when the gateway has none: it must join again first. */
export async function claimSessions(
  redis: RedisPort,
  keys: Keys,
  gatewayId: string,
  offlineTtlSeconds: number,
  requests: readonly ClaimRequest[],
): Promise<ClaimResult[] | 'no_lease'> {
  const args: RedisArgument[] = [keys.prefix, gatewayId, offlineTtlSeconds];
  for (const { userId, form, proof } of requests) {
    args.push(
      userId,
      form,
      'tokenField' in proof ? proof.tokenField : '',
      'resumeEpoch' in proof ? proof.resumeEpoch : '',
    );
  }
  const reply = await redis.script(claimScript, [keys.users], args);
  if (reply === 'no_lease') return reply;
  return (reply as [string, string, number, string, number, string, string][]).map(
    ([status, epoch, owing, lost, waiting, newest, lastMessage]) =>
      status === 'claimed'
        ? {
            status,
            epoch: Number(epoch),
            predecessorHandsOver: owing === 1,
            lost: Number(lost),
            waiting,
            newestEntry: newest === '' ? undefined : newest,
            lastMessageId: Number(lastMessage),
          }
        : { status: status === 'superseded' ? 'superseded' : 'refused' },
  );
}

/**
 * KEYS[1] users
 * ARGV[1] prefix · then users
 * Returns the current epoch of each
 * Atomic because: one answer for many users.
 */
const auditScript = defineScript(
  'audit',
  `
local epochs = {}
for at = 2, #ARGV do epochs[#epochs + 1] = redis.call('HGET', P .. 'user:' .. ARGV[at], 'epoch') or '0' end
return epochs
`,
);

/** The current epoch of each of these users: lower than the one that a session has, when the store has lost its claim. */
export async function auditSessions(redis: RedisPort, keys: Keys, userIds: readonly string[]): Promise<number[]> {
  return ((await redis.script(auditScript, [keys.users], [keys.prefix, ...userIds])) as string[]).map(Number);
}

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] gateway · [3] OFFLINE_TTL_S · [4] mailbox bound · [5] user · [6] epoch · [7] reason
 *     [8] 1: everything that was in the inbox for it has been dealt with · [9] name of this call, for messages without an id
 *     then per undelivered message: id or '0', rest of its head, body
 * Returns 1 when the session was still the current one, else 0
 * What is in the inbox for it and has not been read yet will be put back later: until the record that this posts behind it
 * has been read, nobody who comes next is served.
 * Atomic because: the session is only ended by the one who holds it, and what it had not got is in the mailbox before the successor looks.
 */
const releaseScript = defineScript(
  'release',
  `
local gateway, offlineTtl, bound = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local user, epoch = ARGV[5], ARGV[6]
local key = P .. 'user:' .. user
local session = redis.call('HMGET', key, 'gateway', 'epoch', 'form')
local current = session[1] == gateway and session[2] == epoch
if current then
  if session[3] ~= 'ack' and redis.call('XLEN', P .. 'inbox:' .. gateway) > 0 then
    owe(user, epoch)
    post(gateway, '["c",' .. text(user) .. ',' .. epoch .. ',"",1]', '')
  end
  redis.call('HDEL', key, 'gateway', 'form')
  redis.call('HSET', key, 'last_seen', int(now))
  redis.call('SREM', P .. 'sessions:' .. gateway, user)
  event('disconnected', user, epoch, gateway, ARGV[7])
end
local again = nil
for at = 10, #ARGV, 3 do
  local id = ARGV[at]
  if id == '0' and again == nil then again = not first(ARGV[9]) end
  if id ~= '0' or not again then stash(user, id, ARGV[at + 1], ARGV[at + 2], offlineTtl, bound) end
end
if ARGV[8] == '1' then hand_over(user, epoch) end
commit()
return current and 1 or 0
`,
);

export interface Undelivered {
  /** `0` for a message that never had one. */
  id: string;
  /** As `headRest` gives it. */
  rest: string;
  body: string;
}

export interface Release {
  session: Recipient;
  reason: string;
  /** Nothing of this session is left in the inbox: whoever comes next may be served. */
  handsOver: boolean;
  undelivered: readonly Undelivered[];
  /** The same when the call is repeated, and used for no other. */
  call: string;
}

/** Ends a session in Redis, if it is still the current one, and puts back what it had not got. Answers whether it was. */
export async function releaseSession(
  redis: RedisPort,
  keys: Keys,
  gatewayId: string,
  store: { offlineTtlSeconds: number; mailboxMax: number },
  release: Release,
): Promise<boolean> {
  const { session, reason, handsOver, undelivered, call } = release;
  const reply = await redis.script(
    releaseScript,
    [keys.users],
    [
      keys.prefix,
      gatewayId,
      store.offlineTtlSeconds,
      store.mailboxMax,
      session.userId,
      session.epoch,
      reason,
      handsOver ? 1 : 0,
      call,
      ...undelivered.flatMap(({ id, rest, body }) => [id, rest, body]),
    ],
  );
  return reply === 1;
}

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] user · [3] reason · [4] 1: the token is revoked too
 * Returns 'unknown' | 'offline' | 'online'
 * Atomic because: between looking up the session and telling its gateway it could have moved.
 */
const disconnectScript = defineScript(
  'disconnect',
  `
local user, key = ARGV[2], P .. 'user:' .. ARGV[2]
if redis.call('EXISTS', key) == 0 then return 'unknown' end
if ARGV[4] == '1' then redis.call('HDEL', key, 'token', 'token_expires_at') end
local session = redis.call('HMGET', key, 'gateway', 'epoch')
if not live(session[1]) then return 'offline' end
post(session[1], '["c",' .. text(user) .. ',' .. session[2] .. ',' .. text(ARGV[3]) .. ',0]', '')
commit()
return 'online'
`,
);

/** Closes a user's connection, on whichever gateway; with `revoke` the token goes first. */
export async function disconnectUser(
  redis: RedisPort,
  keys: Keys,
  userId: string,
  how: { reason: 'kicked' | 'logged_out'; revoke: boolean },
): Promise<'unknown' | 'offline' | 'online'> {
  const args = [keys.prefix, userId, how.reason, how.revoke ? '1' : '0'];
  return (await redis.script(disconnectScript, [keys.users], args)) as 'unknown' | 'offline' | 'online';
}
