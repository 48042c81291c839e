import { type Keys, keysOf } from '../../contract/keys.ts';
import { type RedisPort, RedisUnavailableError } from '../../contract/redis.ts';
import { EnvironmentError, readEnvironment } from '../../functions/shared/environment.ts';
import { ExitCode, Failure } from './failure.ts';

export interface Store {
  readonly redis: RedisPort;
  readonly keys: Keys;
}

/** Runs `work` on the Redis of the environment (REDIS_URL, REDIS_CLUSTER, REDIS_KEY_PREFIX, or the Upstash pair). */
export async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const environment = environmentOf();
  // Only here: the drivers would double the start-up time of every other command.
  const { connectRedis } = await import('../../functions/shared/drivers/by-environment.ts');
  const redis = connectRedis(environment, undefined);
  try {
    return await work({ redis, keys: keysOf(environment.REDIS_KEY_PREFIX) });
  } catch (error) {
    if (!(error instanceof RedisUnavailableError)) throw error;
    throw new Failure(ExitCode.unreachable, `Redis is out of reach: ${error.message}`, 'Is REDIS_URL right?', {
      cause: error,
    });
  } finally {
    await redis.close();
  }
}

function environmentOf() {
  try {
    return readEnvironment(process.env);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    throw new Failure(ExitCode.usage, error.message, 'Users live in Redis: set REDIS_URL to the one that is deployed.');
  }
}
