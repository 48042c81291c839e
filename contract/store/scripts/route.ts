import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { AUDIT_LUA } from './audit.ts';
import { defineScript } from './library.ts';

/**
 * Routing, shared by the route script and the drain of the queue: for one command, who gets it and how, in one atomic
 * step, so that the order of ids is the order per recipient whoever routes.
 */
export const ROUTE_LUA = `
local function expiry(ttl) return ttl > 0 and int(now + ttl * 1000) or '0' end

local function open_receipt(id, commandId, from, ttl)
  local key = P .. 'receipt:' .. id
  redis.call('HSET', key, 'm:accepted_at', int(now), 'm:command_id', commandId, 'm:from', from)
  redis.call('EXPIRE', key, ttl)
end

-- answers online, stored, and the list of unknown users
local function route(id, rest, body, recipients, offlineTtl, bound)
  local receipt = string.find(rest, '^%d+,%d+,%d+,"%a*r') ~= nil
  local application = tonumber(string.match(rest, '^%d+')) >= 2000
  local online, stored, unknown, seen = 0, 0, {}, {}
  local direct, kept, order = {}, {}, {}
  for _, user in ipairs(recipients) do
    if not seen[user] then
      seen[user] = true
      -- a key of another type, which others may have written, must not stop whoever routes: nobody known is there
      local session = redis.pcall('HMGET', P .. 'user:' .. user, 'gateway', 'epoch', 'form')
      local gateway, epoch, form = session[1], session[2], session[3]
      local state, reason
      if live(gateway) and not (application and form == 'plain') then
        if not direct[gateway] then
          direct[gateway], kept[gateway] = {}, {}
          order[#order + 1] = gateway
        end
        local list = form == 'ack' and kept[gateway] or direct[gateway]
        if form == 'ack' then store(user, id, rest, body, bound) end
        list[#list + 1] = text(user) .. ',' .. epoch
        online, state = online + 1, 'routed'
      elseif session.err or (not epoch and redis.call('EXISTS', P .. 'user:' .. user) == 0) then
        unknown[#unknown + 1], state, reason = user, 'failed', 'unknown_user'
      elseif offlineTtl == 0 and not live(gateway) then
        state, reason = 'failed', 'offline'
        count('dropped')
      else
        store(user, id, rest, body, bound)
        stored, state = stored + 1, 'stored'
      end
      if receipt then mark(id, user, state, reason) end
    end
  end
  local head = '["m","' .. id .. '",' .. rest
  for _, gateway in ipairs(order) do
    post(gateway, head .. ',[' .. table.concat(direct[gateway], ',') .. '],[' .. table.concat(kept[gateway], ',') .. ']]', body)
  end
  count('routed', online)
  count('stored', stored)
  return online, stored, unknown
end

-- to every live gateway but one (who has already served its own); answers how many are connected
local function broadcast(id, rest, body, except)
  local online = 0
  for _, gateway in ipairs(redis.call('ZRANGEBYSCORE', P .. 'gateways', '(' .. int(now), '+inf')) do
    online = online + redis.call('SCARD', P .. 'sessions:' .. gateway)
    if gateway ~= except then post(gateway, '["m","' .. id .. '",' .. rest .. ',"*",[]]', body) end
  end
  count('broadcasts')
  return online
end
`;

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] OFFLINE_TTL_S · [3] mailbox bound · [4] deadline: refuse when Redis's clock (ms) is past it, 0 never
 *     [5] idempotency key name or '' (`batch:…`: only the last digest counts, another one is a new batch)
 *     [6] digest of what was asked · [7] idempotency TTL, s · [8] the asking gateway or ''
 *     [9] bound of the audit stream, 0: this is nothing to be audited
 *     then per command: command_id, version, ttl_s, flags, traceparent, from, body, n, n recipients
 *     (n = -1: everyone · -2: everyone but the asking gateway's)
 * Returns {'ok' | 'replay' | 'conflict' | 'late', answers, last entry of the asking gateway's inbox or '', now ms}
 *     answers: per command `id,online,stored,unknown` joined by ';'
 * Atomic because: an idempotent retry must see all or nothing, and order must hold whoever routes.
 */
export const routeScript = defineScript(
  'route',
  `${ROUTE_LUA}${AUDIT_LUA}
local auditBound = tonumber(ARGV[9])
local offlineTtl, bound, deadline = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local idempotencyKey, digest, self = ARGV[5], ARGV[6], ARGV[8]
if idempotencyKey ~= '' then
  local past = redis.call('GET', P .. idempotencyKey)
  if past then
    local pastDigest, entry, answers = string.match(past, '^(%S*) (%S*) (.*)$')
    if pastDigest == digest then return { 'replay', answers, entry ~= '-' and entry or '', int(now) } end
    if not string.find(idempotencyKey, '^batch:') then return { 'conflict', '', '', int(now) } end
  end
end
if deadline > 0 and now > deadline then return { 'late', '', '', int(now) } end

local answers, at = {}, 10
while ARGV[at] do
  local commandId, version, ttl, flags = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
  local traceparent, from, body, n = ARGV[at + 4], ARGV[at + 5], ARGV[at + 6], tonumber(ARGV[at + 7])
  local id = nextId()
  local rest = commandId .. ',' .. version .. ',' .. expiry(ttl) .. ',"' .. flags .. '","' .. traceparent .. '"'
  if string.find(flags, 'r', 1, true) then open_receipt(id, commandId, from, math.max(offlineTtl, ttl) + 86400) end
  local online, stored, unknown = 0, 0, {}
  if n < 0 then
    online = broadcast(id, rest, body, n == -2 and self or '')
    n = 0
    audit(auditBound, from, 'send', 'message', id, 'command', commandId)
  else
    local recipients = {}
    for i = 1, n do recipients[i] = ARGV[at + 7 + i] end
    online, stored, unknown = route(id, rest, body, recipients, offlineTtl, bound)
    audit(auditBound, from, 'send', 'message', id, 'command', commandId, 'recipients', int(n), 'to', named(recipients))
  end
  answers[#answers + 1] = id .. ',' .. online .. ',' .. stored .. ',' .. #unknown
  at = at + 8 + n
end
local entries = commit()
local answer = table.concat(answers, ';')
if idempotencyKey ~= '' then redis.call('SET', P .. idempotencyKey, digest .. ' ' .. (entries[self] or '-') .. ' ' .. answer, 'EX', ARGV[7]) end
return { 'ok', answer, entries[self] or '', int(now) }
`,
);

export interface RouteCommand {
  commandId: number;
  /** Goes to the recipients' frames. */
  version: number;
  /** JSON text of the message body in its plain form. */
  body: string;
  to: readonly string[] | 'everyone' | 'everyone elsewhere';
  /** Who sends it: a user id. */
  from: string;
  /** Seconds for which it may wait in a mailbox; 0: as long as OFFLINE_TTL_S allows. */
  ttlSeconds: number;
  receipt: boolean;
  traceparent: string;
}

export interface RouteOptions {
  offlineTtlSeconds: number;
  mailboxMax: number;
  /** Redis's clock, ms; the script takes nothing when it starts later than that. 0: never too late. */
  deadlineMs?: number;
  /** Same `key` and `digest`: the first answer again; same key, other digest: conflict. */
  idempotency?: { key: string; digest: string; ttlSeconds: number };
  /** The gateway that asks: its answer has the last entry that was put into its own inbox. */
  gatewayId?: string;
  /** Each command is put into the audit, of which so many records are kept; 0: none is. */
  auditMax?: number;
}

export interface RouteAnswer {
  id: string;
  online: number;
  stored: number;
  unknown: number;
}

export interface RouteResult {
  status: 'ok' | 'replay' | 'conflict' | 'late';
  answers: RouteAnswer[];
  ownEntry: string | undefined;
  redisNowMs: number;
}

/** Routes all commands in one atomic step. Throws RedisUnavailableError when it is not known whether it did. */
export async function routeCommands(
  redis: RedisPort,
  keys: Keys,
  commands: readonly RouteCommand[],
  options: RouteOptions,
): Promise<RouteResult> {
  const args: RedisArgument[] = [
    keys.prefix,
    options.offlineTtlSeconds,
    options.mailboxMax,
    options.deadlineMs ?? 0,
    options.idempotency?.key ?? '',
    options.idempotency?.digest ?? '',
    options.idempotency?.ttlSeconds ?? 0,
    options.gatewayId ?? '',
    options.auditMax ?? 0,
  ];
  for (const command of commands) {
    args.push(command.commandId, command.version, command.ttlSeconds, command.receipt ? 'r' : '');
    args.push(command.traceparent, command.from, command.body);
    if (command.to === 'everyone') args.push(-1);
    else if (command.to === 'everyone elsewhere') args.push(-2);
    else args.push(command.to.length, ...command.to);
  }
  const reply = (await redis.script(routeScript, [keys.users], args)) as [
    RouteResult['status'],
    string,
    string,
    string,
  ];
  const [status, answers, ownEntry, now] = reply;
  return {
    status,
    answers: answers === '' ? [] : answers.split(';').map(parseAnswer),
    ownEntry: ownEntry === '' ? undefined : ownEntry,
    redisNowMs: Number(now),
  };
}

function parseAnswer(text: string): RouteAnswer {
  const [id = '', online, stored, unknown] = text.split(',');
  return { id, online: Number(online), stored: Number(stored), unknown: Number(unknown) };
}
