import { Redis } from '@upstash/redis';
import { CredentialSource } from '../../../shared/redis/credential-source.ts';
import { errorOfReply, isUnknownScript, RedisUnavailableError } from '../../../shared/redis/errors.ts';
import type { RedisArgument, RedisPort, RedisReply, Script } from '../../../shared/redis/port.ts';
import type { Environment } from '../environment.ts';
import type { SecretReader, StoreSecret } from '../secrets.ts';
import { CallTimeout, type Patience, SERVING, timeoutSignal } from './failures.ts';

const RETRY_AFTER_MS = 50;

/** The address of an Upstash store, and its token. */
interface Access {
  readonly url: string;
  readonly token: string;
}

/** Upstash over HTTPS: no open connection, each call has a time-out. */
export function connectRedis(
  environment: Environment,
  secret: SecretReader | undefined,
  { callTimeoutMs }: Patience = SERVING,
): RedisPort {
  const accessOf = (read: StoreSecret | undefined): Access => {
    const url = environment.UPSTASH_REDIS_REST_URL ?? read?.upstash?.restUrl;
    const token = environment.UPSTASH_REDIS_REST_TOKEN ?? read?.upstash?.restToken;
    if (url === undefined || token === undefined) {
      throw new Error('UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN are missing');
    }
    return { url, token };
  };
  const access = new CredentialSource(
    accessOf(secret?.current),
    secret && (async () => accessOf(await secret.readAgain())),
  );
  return new UpstashPort(access, callTimeoutMs);
}

/** Pipelines of commands by name: the client itself has only single ones. */
class RestClient extends Redis {
  readonly access: Access;

  constructor(access: Access, callTimeoutMs: number) {
    super({
      ...access,
      // Replies unchanged: "123" stays text, and a byte order mark is kept.
      automaticDeserialization: false,
      responseEncoding: false,
      enableTelemetry: false,
      enableAutoPipelining: false,
      // One more try on a broken connection. Scripts that must not run twice carry an idempotency key.
      retry: { retries: 1, backoff: () => RETRY_AFTER_MS },
      signal: () => timeoutSignal(callTimeoutMs),
    });
    this.access = access;
  }

  async send(path: string[], body: readonly unknown[]): Promise<unknown> {
    return this.client.request<unknown>({ path, body });
  }
}

class UpstashPort implements RedisPort {
  readonly #access: CredentialSource<Access>;
  readonly #callTimeoutMs: number;
  readonly #timeout: CallTimeout;
  #client: RestClient;

  constructor(access: CredentialSource<Access>, callTimeoutMs: number) {
    this.#access = access;
    this.#callTimeoutMs = callTimeoutMs;
    this.#timeout = new CallTimeout(callTimeoutMs);
    this.#client = new RestClient(access.current, callTimeoutMs);
  }

  async command(name: string, ...args: RedisArgument[]): Promise<RedisReply> {
    const answer = await this.#send([], [name, ...args.map(String)]);
    return replyOf(answer as UpstashAnswer);
  }

  async pipeline(commands: readonly (readonly RedisArgument[])[]): Promise<RedisReply[]> {
    if (commands.length === 0) return [];
    const body = commands.map((command) => command.map(String));
    const answers = (await this.#send(['pipeline'], body)) as UpstashAnswer[];
    return answers.map(replyOf);
  }

  async script(script: Script, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply> {
    try {
      return await this.command('EVALSHA', script.sha1, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return this.command('EVAL', script.lua, keys.length, ...keys, ...args);
    }
  }

  async close(): Promise<void> {
    // There is nothing to close.
  }

  #send(path: string[], body: readonly unknown[]): Promise<unknown> {
    return this.#timeout.bound(this.#sendWithCredentials(path, body));
  }

  /** With the current token; when it is refused, once more with the newest one from the secret. */
  async #sendWithCredentials(path: string[], body: readonly unknown[]): Promise<unknown> {
    const client = this.#client;
    try {
      return await client.send(path, body);
    } catch (thrown) {
      const error = explained(thrown);
      if (!(error instanceof RedisUnavailableError) || error.reason !== 'store_credentials') throw error;
      await this.#renewCredentials();
      if (this.#client === client) throw error;
      return await this.#client.send(path, body).catch((again: unknown) => {
        throw explained(again);
      });
    }
  }

  async #renewCredentials(): Promise<void> {
    await this.#access.renew();
    const { current } = this.#access;
    const { url, token } = this.#client.access;
    if (current.url !== url || current.token !== token) this.#client = new RestClient(current, this.#callTimeoutMs);
  }
}

interface UpstashAnswer {
  result?: RedisReply;
  error?: string;
}

function replyOf(answer: UpstashAnswer): RedisReply {
  if (answer.error !== undefined) throw refusal(answer.error);
  return answer.result ?? null;
}

/** The client puts the whole command, tokens and contents with it, into its messages: only the text of Redis is kept. */
function explained(error: unknown): Error {
  if (error instanceof Error && error.name === 'UpstashError') {
    return refusal(error.message.split(', command was: ', 1)[0] ?? '');
  }
  const code =
    error instanceof Error && error.cause instanceof Error ? `: ${String(Reflect.get(error.cause, 'code'))}` : '';
  return new RedisUnavailableError(`${error instanceof Error ? error.name : 'unknown error'}${code}`);
}

/** Redis's own refusals begin with a code in capitals; others come from the service, such as that a database is being moved. */
function refusal(text: string): Error {
  return /^[A-Z]{3,}\b/.test(text) ? errorOfReply(text) : new RedisUnavailableError(text, { isRefusal: true });
}
