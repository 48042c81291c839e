import { connectRedis } from '#redis-driver';
import { type Keys, keysOf } from '../../contract/store/keys.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { createLog, type Log } from './log.ts';
import { RedisClock } from './redis-clock.ts';
import { readStoreSecret } from './secrets.ts';

/** The parts that handlers share for the life of a process (or of a Lambda sandbox). */
export interface Runtime {
  readonly environment: Environment;
  readonly redis: RedisPort;
  readonly keys: Keys;
  readonly clock: RedisClock;
  readonly log: Log;
}

/** Makes it from the environment. Throws EnvironmentError with every mistake; connects to nothing yet. */
export async function createRuntime(
  env: Readonly<Record<string, string | undefined>>,
  givenLog?: Log,
): Promise<Runtime> {
  const environment = readEnvironment(env);
  const { REDIS_SECRET_ARN: arn, REDIS_KEY_PREFIX: prefix, LOG_LEVEL: level } = environment;
  const secret = arn === undefined ? undefined : await readStoreSecret(arn, env);
  const redis = connectRedis(environment, secret);
  const keys = keysOf(prefix);
  const log = givenLog ?? createLog({ level });
  return { environment, redis, keys, clock: new RedisClock(redis, keys), log };
}
