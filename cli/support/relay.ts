import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { z } from 'zod';
import { type Keys, keysOf } from '../../contract/store/keys.ts';
import { RedisUnavailableError } from '../../shared/redis/errors.ts';
import type { RedisArgument, RedisPort, RedisReply } from '../../shared/redis/port.ts';

const reply: z.ZodType<RedisReply> = z.lazy(() => z.union([z.string(), z.number(), z.null(), z.array(reply)]));
const answer = z.object({ keyPrefix: z.string(), replies: z.array(reply) });
const failure = z.object({ errorMessage: z.string() });

/** The store of a deployment, through its relay function: reaches a store inside the VPC from anywhere, with IAM rights. */
export async function connectRelay(functionName: string, region?: string): Promise<{ redis: RedisPort; keys: Keys }> {
  const lambda = new LambdaClient(region === undefined ? {} : { region });

  async function call(commands: readonly (readonly RedisArgument[])[]): Promise<z.infer<typeof answer>> {
    const { FunctionError, Payload } = await lambda
      .send(new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify({ commands }) }))
      .catch((error: unknown) => {
        throw new RedisUnavailableError(`${functionName}: ${error instanceof Error ? error.message : String(error)}`);
      });
    const body: unknown = JSON.parse(new TextDecoder().decode(Payload) || 'null');
    if (FunctionError) throw new RedisUnavailableError(`${functionName}: ${failure.parse(body).errorMessage}`);
    return answer.parse(body);
  }

  const pipeline: RedisPort['pipeline'] = async (commands) => (await call(commands)).replies;
  const command: RedisPort['command'] = async (name, ...args) => (await pipeline([[name, ...args]]))[0] ?? null;
  const { keyPrefix } = await call([['PING']]);
  return {
    keys: keysOf(keyPrefix),
    redis: {
      command,
      pipeline,
      script: ({ lua }, keys, args) => command('EVAL', lua, keys.length, ...keys, ...args),
      close: async () => lambda.destroy(),
    },
  };
}
