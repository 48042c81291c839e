import { type Keys, keysOf } from '../../contract/keys.ts';
import { type RedisPort, RedisUnavailableError } from '../../contract/redis.ts';
import { EnvironmentError, readEnvironment } from '../../functions/shared/environment.ts';
import { ExitCode, Failure } from './failure.ts';

export interface Store {
  readonly redis: RedisPort;
  readonly keys: Keys;
}

/**
 * Runs `work` on the Redis of the environment (REDIS_URL, REDIS_CLUSTER, REDIS_KEY_PREFIX, or the Upstash pair), or on
 * that of the deployment whose relay function FRONTTCP_RELAY names.
 */
export async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  let store: Store | undefined;
  try {
    store = await connectStore();
    return await work(store);
  } catch (error) {
    if (!(error instanceof RedisUnavailableError)) throw error;
    throw new Failure(
      ExitCode.unreachable,
      `Redis is out of reach: ${error.message}`,
      'Is REDIS_URL (or FRONTTCP_RELAY) right?',
      {
        cause: error,
      },
    );
  } finally {
    await store?.redis.close();
  }
}

/** The imports are here, because the drivers would double the start-up time of every other command. */
async function connectStore(): Promise<Store> {
  const relay = process.env.FRONTTCP_RELAY;
  if (relay) {
    const { connectRelay } = await import('./relay.ts');
    return connectRelay(relay);
  }
  const environment = environmentOf();
  const { connectRedis } = await import('../../functions/shared/drivers/by-environment.ts');
  return { redis: connectRedis(environment, undefined), keys: keysOf(environment.REDIS_KEY_PREFIX) };
}

function environmentOf() {
  try {
    return readEnvironment(process.env);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    throw new Failure(ExitCode.usage, error.message, 'Users live in Redis: set REDIS_URL to the one that is deployed.');
  }
}
