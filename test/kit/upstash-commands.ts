import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Reply } from './upstash-replies.ts';

/** @upstash/redis sends words as strings; the service takes other scalars too. */
const wordSchema = z.union([z.string(), z.number(), z.boolean()]).transform(String);
export const commandSchema = z.array(wordSchema).min(1);
export const commandsSchema = z.array(commandSchema).min(1);

type Command = z.infer<typeof commandSchema>;
export type Encode = (reply: Reply) => unknown;
type Item = { readonly result: unknown } | { readonly error: string };

/** One request is one turn: commands that block, subscribe or change the connection are refused, as the service does. */
const unavailable = new Set([
  ...['BLMOVE', 'BLMPOP', 'BLPOP', 'BRPOP', 'BRPOPLPUSH', 'BZMPOP', 'BZPOPMAX', 'BZPOPMIN', 'WAIT'],
  ...['SUBSCRIBE', 'PSUBSCRIBE', 'SSUBSCRIBE', 'MONITOR', 'MULTI', 'EXEC', 'DISCARD', 'WATCH', 'UNWATCH'],
  ...['CLIENT', 'CONFIG', 'SELECT', 'SHUTDOWN', 'CLUSTER', 'DEBUG'],
]);

/** Runs one command; Redis's own refusal is an item with the error. Rejects when Redis is out of reach. */
export async function runCommand(redis: Redis, command: Command, encode: Encode): Promise<Item> {
  const refusal = refusalOf(command);
  if (refusal !== undefined) return { error: refusal };
  try {
    return { result: encode(await send(redis, command)) };
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return { error: error.message };
    throw error;
  }
}

/** MULTI, the commands, EXEC, written in one go so that no other request's command comes between. */
export async function runTransaction(
  redis: Redis,
  commands: readonly Command[],
  encode: Encode,
): Promise<{ status: number; body: unknown }> {
  const refusal = commands.map(refusalOf).find((reason) => reason !== undefined);
  if (refusal !== undefined) return { status: 400, body: { error: refusal } };
  const replies = await Promise.allSettled([['MULTI'], ...commands, ['EXEC']].map((command) => send(redis, command)));
  const last = replies.at(-1);
  if (last?.status !== 'fulfilled') return { status: 400, body: { error: String(last?.reason?.message) } };
  const results = Array.isArray(last.value) ? (last.value as readonly Reply[]) : [];
  const items = results.map((reply) => (reply instanceof Error ? { error: reply.message } : { result: encode(reply) }));
  return { status: 200, body: items };
}

function refusalOf(command: Command): string | undefined {
  const name = command[0]?.toUpperCase() ?? '';
  const blocks = name.startsWith('XREAD') && command.some((word) => word.toUpperCase() === 'BLOCK');
  return unavailable.has(name) || blocks ? `ERR Command is not available: '${name}'` : undefined;
}

function send(redis: Redis, [name = '', ...args]: Command): Promise<Reply> {
  // Upper case: ioredis turns the replies of commands that it knows by their lower-case name (HGETALL) into objects.
  return redis.callBuffer(name.toUpperCase(), ...args) as Promise<Reply>;
}
