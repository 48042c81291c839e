import { z } from 'zod';
import type { DirectBroadcast } from './direct-broadcasts.ts';

/**
 * The format of messages in Redis, between routing and the gateway that delivers them.
 *
 * An inbox entry (stream) is a list of records, each one field/value pair: the field is the record's JSON array,
 * the value the message body (JSON text, opaque here). A mailbox member (sorted set, score = message id) is
 * `[head]\n<body>`. Lua writes both by joining strings, because its numbers and its JSON would not keep ids and bodies.
 *
 *   message  ["m", "<id>", command_id, version, expires_at_ms, "<flags>", "<traceparent>", inbox_only, also_in_mailbox]
 *            inbox_only: "*" for everyone, or [user, epoch, …] · also_in_mailbox: likewise, and also in those users' mailboxes
 *            behind them, for a direct broadcast: "<origin>", number
 *   close    ["c", user, epoch, reason, owing]     owing 1: the next session waits until everything before this record is handled
 *   mailbox  ["p", user, epoch]     somebody else put something into this session's mailbox: read it again
 *   clock    ["s"]     the store's clock was set: read all mailboxes again
 *
 * Flags: `r` a receipt was requested · `a` a reply is requested · `k` a caller waits for an acknowledgement · `p` a newer command
 * with the same key replaces it. expires_at_ms 0: as long as OFFLINE_TTL_S allows.
 *
 * A record that its reader does not understand is kept: `inbox_unread`, a list of `["<field>","<body>"]`.
 */
export interface MessageHead {
  /** Decimal, 1/1024 ms of Redis's clock; `0` where no id has been assigned yet. */
  id: string;
  commandId: number;
  version: number;
  expiresAtMs: number;
  flags: string;
  traceparent: string;
  /** Its sender's gateway has given it to its own sessions. */
  direct?: DirectBroadcast;
}

export interface Recipient {
  userId: string;
  epoch: number;
}

export interface MessageRecord {
  kind: 'message';
  head: MessageHead;
  body: string;
  inboxOnly: Recipient[] | 'everyone';
  alsoInMailbox: Recipient[];
}

export interface CloseRecord {
  kind: 'close';
  userId: string;
  epoch: number;
  /** Empty when the session has ended already. */
  reason: string;
  /** The next session waits until everything before this record is handled. */
  successorWaits: boolean;
}

interface MailboxRecord {
  kind: 'mailbox';
  userId: string;
  epoch: number;
}

/**
 * The store's clock was set, and the leases followed it: until then, sessions of this gateway did not count as connected, and
 * their messages went into the mailboxes.
 */
interface ClockSetRecord {
  kind: 'clock set';
}

export type InboxRecord = MessageRecord | CloseRecord | MailboxRecord | ClockSetRecord;

const integer = z.int().min(0);
const headItems = [z.string(), integer, integer, integer, z.string(), z.string()] as const;
const closeTuple = z.tuple([z.literal('c'), z.string(), integer, z.string(), integer]);
const mailboxNotice = z.tuple([z.literal('p'), z.string(), integer]);
const mailboxTuple = z.tuple([...headItems]);

/** A message to one user who is connected and does not acknowledge, with neither expiry, flags nor trace. */
const CHAT_RECORD = /^\["m","(\d+)",(\d+),(\d+),0,"","",\["([^"\\]*)",(\d+)\],\[\]\]$/;

/** Throws when `field` is not one of the four records: only our own scripts write them. */
export function parseInboxRecord(field: string, body: string): InboxRecord {
  // Most records of a busy inbox are such, and this takes half the time of JSON.
  const chat = CHAT_RECORD.exec(field);
  return chat ? chatOf(chat, body) : parseAny(field, body);
}

function chatOf([, id = '', commandId, version, userId = '', epoch]: RegExpExecArray, body: string): MessageRecord {
  return {
    kind: 'message',
    head: { id, commandId: Number(commandId), version: Number(version), expiresAtMs: 0, flags: '', traceparent: '' },
    body,
    inboxOnly: [{ userId, epoch: Number(epoch) }],
    alsoInMailbox: [],
  };
}

function parseAny(field: string, body: string): InboxRecord {
  const items: unknown = JSON.parse(field);
  const kind = Array.isArray(items) ? items[0] : undefined;
  if (Array.isArray(items) && kind === 'm') return messageOf(items, body);
  if (kind === 'c') {
    const [, userId, epoch, reason, waits] = closeTuple.parse(items);
    return { kind: 'close', userId, epoch, reason, successorWaits: waits === 1 };
  }
  if (kind === 's') return { kind: 'clock set' };
  const [, userId, epoch] = mailboxNotice.parse(items);
  return { kind: 'mailbox', userId, epoch };
}

export function parseMailboxMember(member: string): { head: MessageHead; body: string } {
  const end = member.indexOf('\n');
  const [id, commandId, version, expiresAtMs, flags, traceparent] = mailboxTuple.parse(
    JSON.parse(member.slice(0, end)),
  );
  return { head: { id, commandId, version, expiresAtMs, flags, traceparent }, body: member.slice(end + 1) };
}

/** The head without its id and brackets, as scripts take it: `102,1100,0,"r","00-…"`. */
export function headRest(head: MessageHead): string {
  return `${head.commandId},${head.version},${head.expiresAtMs},${JSON.stringify(head.flags)},${JSON.stringify(head.traceparent)}`;
}

/** By hand, not by a schema: every message to a group or with a receipt comes through here. */
function messageOf(items: readonly unknown[], body: string): MessageRecord {
  const [, id, commandId, version, expiresAtMs, flags, traceparent, inboxOnly, alsoInMailbox, origin, number] = items;
  if (typeof id !== 'string' || typeof flags !== 'string' || typeof traceparent !== 'string') throw notARecord();
  if (!isCount(commandId) || !isCount(version) || !isCount(expiresAtMs)) throw notARecord();
  const head: MessageHead = { id, commandId, version, expiresAtMs, flags, traceparent };
  if (typeof origin === 'string' && isCount(number)) head.direct = { origin, number };
  return {
    kind: 'message',
    head,
    body,
    inboxOnly: inboxOnly === '*' ? 'everyone' : recipients(inboxOnly),
    alsoInMailbox: recipients(alsoInMailbox),
  };
}

function recipients(flat: unknown): Recipient[] {
  if (!Array.isArray(flat) || flat.length % 2 !== 0) throw notARecord();
  const list: Recipient[] = [];
  for (let i = 0; i < flat.length; i += 2) {
    const userId: unknown = flat[i];
    const epoch: unknown = flat[i + 1];
    if (typeof userId !== 'string' || !isCount(epoch)) throw notARecord();
    list.push({ userId, epoch });
  }
  return list;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

function notARecord(): Error {
  return new Error('an unknown record');
}
