import { z } from 'zod';
import type { RedisReply } from '../../shared/redis/port.ts';
import { createRuntime, type Runtime } from '../runtime/runtime.ts';

const command = z.tuple([z.string()], z.union([z.string(), z.number()]));

/** One call of the store, as `fronttcp users` makes it. */
const relayRequest = z.strictObject({ commands: z.array(command).nonempty().max(100) });

export interface RelayAnswer {
  readonly keyPrefix: string;
  /** One for each command, in order. */
  readonly replies: readonly RedisReply[];
}

let runtime: Promise<Runtime> | undefined;

/**
 * Lets an administrator's command line reach a store inside a VPC. It has no route: a principal with the right to invoke
 * it (IAM) has all rights of the store's user on the deployment's keys. Passwords arrive hashed. Throws the refusals of Redis.
 */
export async function handler(event: unknown): Promise<RelayAnswer> {
  const { commands } = relayRequest.parse(event);
  runtime ??= createRuntime(process.env);
  // A failed start is tried again.
  const { redis, environment } = await runtime.catch((error: unknown) => {
    runtime = undefined;
    throw error;
  });
  return { keyPrefix: environment.REDIS_KEY_PREFIX, replies: await redis.pipeline(commands) };
}
