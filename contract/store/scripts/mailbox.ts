import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { type MessageHead, parseMailboxMember, type Recipient } from '../records.ts';
import { defineScript } from './library.ts';
import type { Undelivered } from './sessions.ts';

/** A page ends with the message that reaches it: many frozen readers must not hold a large page each. */
const PAGE_BYTES = 262_144;

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] user · [3] epoch · [4] only ids above this · [5] most · [6] `lost` that the session has been told
 *     [7] 1: wait for no predecessor any more
 * Returns 'stale', 'waits' (a predecessor has yet to hand over: a poke will tell), or members `[head]\\n<body>` in the order of their ids
 * Atomic because: only the current session may read on, and what has expired meanwhile leaves in the same step.
 */
const readMailboxScript = defineScript(
  'read_mailbox',
  `
local user, key, box = ARGV[2], P .. 'user:' .. ARGV[2], P .. 'mailbox:' .. ARGV[2]
if redis.call('HGET', key, 'epoch') ~= ARGV[3] then return 'stale' end
-- once per session, should the same be asked twice
if ARGV[6] ~= '0' and redis.call('HGET', key, 'lost_told_in') ~= ARGV[3] then
  redis.call('HINCRBY', key, 'lost', '-' .. ARGV[6])
  redis.call('HSET', key, 'lost_told_in', ARGV[3])
end
if ARGV[7] == '1' then redis.call('HDEL', key, 'owing')
elseif redis.call('HEXISTS', key, 'owing') == 1 then return 'waits' end
local members, expired, bytes = {}, {}, 0
for _, member in ipairs(redis.call('ZRANGEBYSCORE', box, '(' .. ARGV[4], '+inf', 'LIMIT', 0, tonumber(ARGV[5]))) do
  local at = tonumber(string.match(member, '^%["%d+",%d+,%d+,(%d+)'))
  if at > 0 and at <= now then
    redis.call('ZREM', box, member)
    expired[#expired + 1] = member
  elseif bytes < ${PAGE_BYTES} then
    members[#members + 1] = member
    bytes = bytes + #member
  else break end
end
give_up(user, expired, 'expired')
commit()
if #members == 0 and #expired > 0 then members[1] = 'more' end
return members
`,
);

export interface MailboxMessage {
  head: MessageHead;
  body: string;
}

export type MailboxPage = MailboxMessage[] | 'stale' | 'waits' | 'more';

/**
 * The next page of a session's mailbox. `stale`: somebody else has the session; `waits`: one before it has yet to hand over.
 * An empty page is the end; `more` says that what was there had expired and another page must be read.
 */
export async function readMailbox(
  redis: RedisPort,
  keys: Keys,
  session: Recipient,
  page: { after: string; most: number; lostTold: number; waitsForNobody: boolean },
): Promise<MailboxPage> {
  const { after, most, lostTold, waitsForNobody } = page;
  const args = [keys.prefix, session.userId, session.epoch, after, most, lostTold, waitsForNobody ? 1 : 0];
  const reply = (await redis.script(readMailboxScript, [keys.users], args)) as string[] | 'stale' | 'waits';
  if (reply === 'stale' || reply === 'waits') return reply;
  return reply[0] === 'more' ? 'more' : reply.map(parseMailboxMember);
}

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] user · [3] epoch · [4] state for the receipts · then ids
 * Returns how many left the mailbox, or -1 when the session is not the current one
 * Atomic because: only the current session deletes, and receipt and mailbox must agree.
 */
const settleScript = defineScript(
  'settle',
  `
local user, box, removed = ARGV[2], P .. 'mailbox:' .. ARGV[2], 0
-- what a session wrote before it handed over is written, even when the next one has been claimed meanwhile
local current = redis.call('HGET', P .. 'user:' .. user, 'epoch') == ARGV[3]
if not current and not (ARGV[4] == 'written' and owes(user, ARGV[3])) then return -1 end
for at = 5, #ARGV do
  local id = ARGV[at]
  local member = redis.call('ZRANGEBYSCORE', box, id, id)[1]
  if member then
    redis.call('ZREM', box, member)
    removed = removed + 1
  end
  -- ids are guessable: nobody writes into the receipt of a message that was not for them
  if member or redis.call('HEXISTS', P .. 'receipt:' .. id, 'u:' .. user) == 1 then mark(id, user, ARGV[4]) end
end
count(ARGV[4], removed)
commit()
return removed
`,
);

/** Takes messages out of a mailbox for good: `acknowledged` by the client, or `written` to one that cannot acknowledge. */
export async function settleMessages(
  redis: RedisPort,
  keys: Keys,
  session: Recipient,
  state: 'acknowledged' | 'written',
  ids: readonly string[],
): Promise<number> {
  const args: RedisArgument[] = [keys.prefix, session.userId, session.epoch, state, ...ids];
  return (await redis.script(settleScript, [keys.users], args)) as number;
}

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] OFFLINE_TTL_S · [3] mailbox bound · [4] name of this call, for messages without an id
 *     then per message: user, id or '0', rest of its head, body
 * Returns how many
 * Atomic because: the mailbox is written before the user's session, wherever it is now, is told to look.
 */
const stashScript = defineScript(
  'stash',
  `
local n, again = 0, nil
for at = 5, #ARGV, 4 do
  local id = ARGV[at + 1]
  if id == '0' and again == nil then again = not first(ARGV[4]) end
  if id ~= '0' or not again then
    stash(ARGV[at], id, ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[2]), tonumber(ARGV[3]))
    n = n + 1
  end
end
commit()
return n
`,
);

/** Re-routes what came to a gateway for sessions that it does not have any more. */
export async function stashMessages(
  redis: RedisPort,
  keys: Keys,
  store: { offlineTtlSeconds: number; mailboxMax: number },
  messages: readonly (Undelivered & { userId: string })[],
  /** The same when the call is repeated, and used for no other. */
  call: string,
): Promise<void> {
  const args: RedisArgument[] = [keys.prefix, store.offlineTtlSeconds, store.mailboxMax, call];
  for (const { userId, id, rest, body } of messages) args.push(userId, id, rest, body);
  await redis.script(stashScript, [keys.users], args);
}
