import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { listOf, textOrNone } from '../redis-reply.ts';
import { defineScript, readLua } from './library.ts';
import { parseSteps, type RecipientReceipt } from './receipts.ts';

const joinWaitScript = defineScript('join_wait', readLua(new URL('./join-wait.lua', import.meta.url)));

export interface AskState extends RecipientReceipt {
  /** JSON text of the reply, where there is one. */
  readonly reply?: string;
}

/** The states of messages with one recipient, in the order of `asks`; undefined: there is no receipt (any more). One round trip. */
export async function readAskStates(
  redis: RedisPort,
  keys: Keys,
  asks: readonly { readonly id: string; readonly userId: string }[],
): Promise<(AskState | undefined)[]> {
  const commands = asks.map(({ id, userId }) => ['HMGET', keys.receipt(id), `u:${userId}`, `r:${userId}`]);
  const replies = await redis.pipeline(commands);
  return replies.map((fields, at) => {
    const [steps, reply] = listOf(fields);
    return askState(asks[at]?.userId ?? '', textOrNone(steps), textOrNone(reply));
  });
}

function askState(userId: string, steps?: string, reply?: string): AskState | undefined {
  if (steps === undefined) return undefined;
  return { ...parseSteps(userId, steps), ...(reply === undefined ? {} : { reply }) };
}

/** An entry of `waits:<instance>`. */
export class ReceiptChange {
  readonly id: string;
  readonly #steps: string | undefined;
  readonly #reply: string | undefined;

  constructor(fields: readonly string[]) {
    const [, id = '', , steps, , reply] = fields;
    this.id = id;
    this.#steps = steps;
    this.#reply = reply;
  }

  /** The state of the message; undefined: it was too large for the entry, and is in the receipt. */
  stateOf(userId: string): AskState | undefined {
    return askState(userId, this.#steps, this.#reply);
  }
}

/** Registers this function instance, too, for the step that the command waits for. */
export async function joinWait(redis: RedisPort, keys: Keys, ask: { id: string }, instance: string): Promise<void> {
  await redis.script(joinWaitScript, [keys.users], [keys.prefix, ask.id, instance]);
}
