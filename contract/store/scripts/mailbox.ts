import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import { type DirectBroadcasts, parseDirectBroadcasts } from '../direct-broadcasts.ts';
import type { Keys } from '../keys.ts';
import { type MessageHead, parseMailboxMember, type Recipient } from '../records.ts';
import { textsOf, wordOf } from '../redis-reply.ts';
import { ACTION_LUA, type Actor, act } from './action.ts';
import { ALLOW_FULL, AUDIT_LUA, defineScript, pushList, readLua } from './library.ts';
import { type MailboxBound, mailboxBound } from './mailbox-bound.ts';
import type { Undelivered } from './sessions.ts';

const readMailboxScript = defineScript(
  'read_mailbox',
  ALLOW_FULL,
  readLua(new URL('./read-mailbox.lua', import.meta.url)),
);

export interface MailboxMessage {
  head: MessageHead;
  body: string;
}

export type MailboxPage =
  /** `given`: direct broadcasts that the user's earlier sessions were given. */
  | { readonly messages: readonly MailboxMessage[]; readonly given: readonly DirectBroadcasts[] }
  | 'stale'
  | 'waits'
  | 'more';

/**
 * The next page of a session's mailbox. `stale`: somebody else has the session; `waits`: one before it has yet to hand over.
 * A page without messages is the end; `more`: those of the page had expired, read another page.
 */
export async function readMailbox(
  redis: RedisPort,
  keys: Keys,
  session: Recipient,
  page: { after: string; max: number; lostReported: number; waitsForNobody: boolean },
): Promise<MailboxPage> {
  const { after, max, lostReported, waitsForNobody } = page;
  const args = [keys.prefix, session.userId, session.epoch, after, max, lostReported, waitsForNobody ? 1 : 0];
  const reply = await redis.script(readMailboxScript, [keys.users], args);
  if (reply === 'stale' || reply === 'waits') return reply;
  const [given = '', ...members] = textsOf(reply);
  if (members[0] === 'more') return 'more';
  return { messages: members.map(parseMailboxMember), given: parseDirectBroadcasts(given) };
}

const tooLargeScript = defineScript('too_large', ALLOW_FULL, readLua(new URL('./too-large.lua', import.meta.url)));

export interface TooLarge {
  /** `0` for a message without an id. */
  readonly id: string;
  readonly flags: string;
  readonly isStored: boolean;
  /** The same when the call is repeated; no other call has it. */
  readonly call: string;
}

/** Drops a message whose frame is too large for the user's client: lost, and `failed` in its receipt. */
export async function giveUpTooLarge(
  redis: RedisPort,
  keys: Keys,
  userId: string,
  { id, flags, isStored, call }: TooLarge,
): Promise<void> {
  await redis.script(tooLargeScript, [keys.users], [keys.prefix, userId, call, id, flags, isStored ? 1 : 0]);
}

const dropMessageScript = defineScript(
  'drop_message',
  ALLOW_FULL,
  ACTION_LUA,
  AUDIT_LUA,
  readLua(new URL('./drop-message.lua', import.meta.url)),
);

/** Deletes one message of a mailbox for an operator. Its receipt ends as `cancelled`; it does not count as lost. */
export async function dropMessage(
  redis: RedisPort,
  keys: Keys,
  message: { userId: string; id: string },
  actor: Actor,
): Promise<'dropped' | 'no_user' | 'no_message'> {
  const args = [message.userId, message.id];
  return wordOf(await act(redis, keys, dropMessageScript, actor, args), ['dropped', 'no_user', 'no_message']);
}

const stashScript = defineScript('stash', ALLOW_FULL, readLua(new URL('./stash.lua', import.meta.url)));

export interface Stashed extends Undelivered {
  /** One recipient where the message has no id. */
  userIds: readonly string[];
}

/** Re-routes messages that came to a gateway for sessions that it no longer has. */
export async function stashMessages(
  redis: RedisPort,
  keys: Keys,
  store: { offlineTtlSeconds: number } & MailboxBound,
  messages: readonly Stashed[],
  /** The same when the call is repeated; no other call has it. */
  call: string,
  /** The highest message id known to the caller: new ones are above it. */
  highestId: number,
): Promise<void> {
  const args: RedisArgument[] = [keys.prefix, store.offlineTtlSeconds, mailboxBound(store), call, highestId];
  for (const { userIds, id, rest, body } of messages) {
    args.push(id, rest, body);
    pushList(args, userIds);
  }
  await redis.script(stashScript, [keys.users], args);
}
