import { onTestFinished } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { makeToken, tokenAtRest } from '../../contract/store/tokens.ts';
import { ask } from '../../local/redis/ping.ts';
import type { Client } from '../../sdk/client/client.ts';
import { connect } from '../../sdk/client/connect.ts';
import type { ClientOptions } from '../../sdk/client/options.ts';
import { startGatewayProcess } from '../kit/gateway-process.ts';
import type { RunningProcess } from '../kit/process.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';

/** A real gateway, a child process on the shared Redis under a prefix of its own. */
export interface TestGateway {
  readonly port: number;
  readonly process: RunningProcess;
  /** Makes the user, or replaces the token. */
  token(userId: string): Promise<string>;
  /** As any producer does. */
  push(entry: object): Promise<void>;
  /** A client that is closed when the test ends. */
  connect(userId: string, options?: Partial<ClientOptions>): Promise<Client>;
  /** Another one beside it, on the same Redis and prefix. */
  another(): Promise<TestGateway>;
  stop(): Promise<void>;
}

export async function startClientGateway(prefix: string = uniquePrefix()): Promise<TestGateway> {
  const url = sharedRedisUrl();
  const keys = keysOf(prefix);
  const { process: program, port } = await startGatewayProcess({
    env: { REDIS_URL: url, REDIS_KEY_PREFIX: prefix, LOG_LEVEL: 'warn' },
  });
  const token = async (userId: string): Promise<string> => {
    const issued = makeToken(userId);
    await ask(url, 'HSET', keys.user(userId), 'token', tokenAtRest(issued));
    return issued;
  };
  return {
    port,
    process: program,
    token,
    push: async (entry) => {
      await ask(url, 'LPUSH', keys.queue, JSON.stringify(entry));
    },
    connect: async (userId, options = {}) => {
      const client = await connect({
        host: '127.0.0.1',
        port,
        phoneNumber: userId,
        ...options,
        token: options.token ?? (await token(userId)),
      });
      onTestFinished(() => client.close());
      return client;
    },
    another: () => startClientGateway(prefix),
    stop: async () => {
      await program.stop();
    },
  };
}
