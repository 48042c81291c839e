import { type Keys, keysOf } from '../../contract/store/keys.ts';
import { type Environment, readEnvironment } from '../../functions/runtime/environment.ts';
import { RedisUnavailableError, type UnavailableReason } from '../../shared/redis/errors.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { EnvironmentError } from '../../shared/settings.ts';
import { ExitCode, Failure } from './failure.ts';
import { findLocalSystem, isLoopback } from './local-system.ts';

export interface Store {
  readonly redis: RedisPort;
  readonly keys: Keys;
}

const PROBLEMS: Readonly<Record<UnavailableReason, readonly [problem: string, nextStep: string]>> = {
  store_unavailable: ['Redis is out of reach', 'Is REDIS_URL (or FRONTTCP_RELAY) right?'],
  store_credentials: ['Redis refuses the credentials', 'Set the user and password of REDIS_URL to those in force.'],
  store_full: ['Redis is full', 'Delete what waits for nobody, or raise its maxmemory, and try again.'],
};

/**
 * Runs `work` on the Redis of the environment (REDIS_URL, REDIS_CLUSTER, REDIS_KEY_PREFIX, or the Upstash pair), on that of
 * the deployment whose relay function FRONTTCP_RELAY names, or else on that of the `fronttcp dev` in this folder.
 */
export async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  let store: Store | undefined;
  try {
    store = await connectStore();
    return await work(store);
  } catch (error) {
    if (!(error instanceof RedisUnavailableError)) throw error;
    const [problem, nextStep] = PROBLEMS[error.reason];
    throw new Failure(ExitCode.unreachable, `${problem}: ${error.message}`, nextStep, { cause: error });
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
  const environment = await environmentOf();
  const [{ connectRedis }, { AT_TERMINAL }] = await Promise.all([
    import('../../functions/runtime/drivers/by-environment.ts'),
    import('../../functions/runtime/drivers/failures.ts'),
  ]);
  return { redis: connectRedis(environment, undefined, AT_TERMINAL), keys: keysOf(environment.REDIS_KEY_PREFIX) };
}

const STORE_VARIABLES = ['REDIS_URL', 'UPSTASH_REDIS_REST_URL'];

/** The way to reach the store. */
export async function environmentOf(): Promise<Environment> {
  const isNamed = STORE_VARIABLES.some((name) => process.env[name]);
  try {
    return readEnvironment(isNamed ? process.env : { ...process.env, ...(await localStore()) });
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    const nextStep = isNamed
      ? 'Mend the environment and try again.'
      : 'This works on Redis itself: set REDIS_URL, or run it where `fronttcp dev` runs.';
    throw new Failure(ExitCode.usage, error.message, nextStep);
  }
}

async function localStore(): Promise<Record<string, string>> {
  const redis = (await findLocalSystem())?.redis;
  if (redis === undefined) return {};
  const { url, keyPrefix, isCluster } = redis;
  return { REDIS_URL: url, REDIS_KEY_PREFIX: keyPrefix, REDIS_CLUSTER: String(isCluster) };
}

/** Returns whether the store is on this machine. */
export async function isLocalStore(): Promise<boolean> {
  if (process.env.FRONTTCP_RELAY) return false;
  const { REDIS_URL: url, UPSTASH_REDIS_REST_URL: upstash } = await environmentOf();
  return upstash === undefined && url !== undefined && isLoopback(new URL(url).hostname);
}
