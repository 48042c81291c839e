import type { RedisReply } from '../../shared/redis/port.ts';

/**
 * Replies of Redis as types, checked by hand and to their elements only: every message comes through here. They throw when a reply
 * is not what the header of its script says. The message names the types, not the values: replies hold contents of messages.
 */
export function textOf(reply: RedisReply | undefined): string {
  return typeof reply === 'string' ? reply : refuse(reply, 'a text');
}

/** Undefined for a field that does not exist. */
export function textOrNone(reply: RedisReply | undefined): string | undefined {
  return reply === null || reply === undefined ? undefined : textOf(reply);
}

export function numberOf(reply: RedisReply | undefined): number {
  return typeof reply === 'number' ? reply : refuse(reply, 'a number');
}

export function listOf(reply: RedisReply | undefined): RedisReply[] {
  return Array.isArray(reply) ? reply : refuse(reply, 'a list');
}

export function textsOf(reply: RedisReply | undefined): string[] {
  const list = listOf(reply);
  return list.every(isText) ? list : refuse(list.find((item) => !isText(item)) ?? null, 'a text');
}

export function numbersOf(reply: RedisReply | undefined): number[] {
  const list = listOf(reply);
  return list.every(isNumber) ? list : refuse(list.find((item) => !isNumber(item)) ?? null, 'a number');
}

/** A list of texts for each row, as HGETALL and tables have them. */
export function rowsOf(reply: RedisReply | undefined): string[][] {
  return listOf(reply).map(textsOf);
}

/** Entries of a stream. */
export function entriesOf(reply: RedisReply | undefined): [id: string, fields: string[]][] {
  return listOf(reply).map((entry) => tupleOf(entry, 'text', 'texts'));
}

/** Of XREAD: the streams that had something. */
export function streamsOf(reply: RedisReply | undefined): [key: string, entries: [id: string, fields: string[]][]][] {
  return reply === null ? [] : listOf(reply).map((stream) => tupleOf(stream, 'text', 'entries'));
}

/** One of these words. */
export function wordOf<const Word extends string>(reply: RedisReply | undefined, words: readonly Word[]): Word {
  return words.find((word) => word === reply) ?? refuse(reply, words.join(' or '));
}

const KINDS = { text: textOf, number: numberOf, texts: textsOf, rows: rowsOf, list: listOf, entries: entriesOf };
type Kind = keyof typeof KINDS;

/** A list with an element of each kind. It may have more elements. */
export function tupleOf<const Tuple extends readonly Kind[]>(
  reply: RedisReply | undefined,
  ...kinds: Tuple
): { -readonly [At in keyof Tuple]: ReturnType<(typeof KINDS)[Tuple[At]]> } {
  const list = listOf(reply);
  return kinds.map((kind, at) => KINDS[kind](list[at])) as ReturnType<typeof tupleOf<Tuple>>;
}

function isText(reply: RedisReply): reply is string {
  return typeof reply === 'string';
}

function isNumber(reply: RedisReply): reply is number {
  return typeof reply === 'number';
}

function refuse(reply: RedisReply | undefined, expected: string): never {
  const found = Array.isArray(reply)
    ? 'a list'
    : reply === null
      ? 'nil'
      : reply === undefined
        ? 'nothing'
        : `a ${typeof reply}`;
  throw new Error(`a reply of Redis has ${found} in place of ${expected}`);
}
