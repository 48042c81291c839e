import { RedisClient } from '../../../shared/redis/client.ts';
import { CredentialSource } from '../../../shared/redis/credential-source.ts';
import { RedisUnavailableError } from '../../../shared/redis/errors.ts';
import type { RedisArgument, RedisPort, RedisReply, Script } from '../../../shared/redis/port.ts';
import { type Credentials, parseRedisUrl } from '../../../shared/redis/target.ts';
import type { Environment } from '../environment.ts';
import type { SecretReader, StoreSecret } from '../secrets.ts';
import { CallTimeout, type Patience, SERVING, SILENCE_AFTER_CALL_MS } from './failures.ts';

/** Connects at the first command; one connection serves all later requests. */
export function connectRedis(
  environment: Environment,
  secret: SecretReader | undefined,
  { callTimeoutMs, firstTries }: Patience = SERVING,
): RedisPort {
  const { REDIS_URL, REDIS_CLUSTER } = environment;
  if (REDIS_URL === undefined) throw new Error('REDIS_URL is missing');
  const target = parseRedisUrl(REDIS_URL);
  const credentialsOf = (read: StoreSecret | undefined) => read?.store ?? target.credentials;
  const credentials = new CredentialSource<Credentials | undefined>(
    credentialsOf(secret?.current),
    secret && (async () => credentialsOf(await secret.readAgain())),
  );
  const open = (timeoutMs: number) =>
    new RedisClient({
      target,
      isCluster: REDIS_CLUSTER,
      credentials,
      whileAway: 'fail',
      connectTimeoutMs: callTimeoutMs,
      // Later than the end of the call: the withdrawal must still find its connection.
      silenceMs: timeoutMs + SILENCE_AFTER_CALL_MS,
      firstTries,
      gather: setImmediate,
      retryDelay,
    });
  return new BoundedRedis(open, callTimeoutMs);
}

/** Every call ends in time; when the store refuses the credentials, it is repeated once with new ones. */
class BoundedRedis implements RedisPort {
  readonly #open: (timeoutMs: number) => RedisClient;
  readonly #client: RedisClient;
  readonly #callTimeoutMs: number;
  readonly #timeout: CallTimeout;

  constructor(open: (timeoutMs: number) => RedisClient, callTimeoutMs: number) {
    this.#open = open;
    this.#client = open(callTimeoutMs);
    this.#callTimeoutMs = callTimeoutMs;
    this.#timeout = new CallTimeout(callTimeoutMs);
  }

  command(name: string, ...args: RedisArgument[]): Promise<RedisReply> {
    return this.#bounded(() => this.#client.command(name, ...args));
  }

  pipeline(commands: readonly (readonly RedisArgument[])[]): Promise<RedisReply[]> {
    return this.#bounded(() =>
      Promise.all(commands.map(([name, ...args]) => this.#client.command(String(name), ...args))),
    );
  }

  script(script: Script, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply> {
    return this.#bounded(() => this.#client.script(script, keys, args));
  }

  openBlocking(maxBlockMs: number): RedisPort {
    return new BoundedRedis(this.#open, maxBlockMs + this.#callTimeoutMs);
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  #bounded<T>(call: () => Promise<T>): Promise<T> {
    return this.#timeout.bound(this.#withCredentials(call));
  }

  async #withCredentials<T>(call: () => Promise<T>): Promise<T> {
    const { generation } = this.#client;
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof RedisUnavailableError)) throw error;
      if (error.reason === 'store_credentials') await this.#client.renewCredentials();
      // Also for a call whose connection was replaced meanwhile.
      if (this.#client.generation === generation) throw error;
      return await call();
    }
  }
}

/** While Redis is unreachable, connects at most once a second, and finds it again well within five seconds. */
function retryDelay(attempt: number): number {
  return Math.min(50 * attempt, 1_000);
}
