import { Redis } from '@upstash/redis';
import {
  type RedisArgument,
  type RedisPort,
  type RedisReply,
  RedisUnavailableError,
  type Script,
} from '../../../shared/redis/port.ts';
import type { Environment } from '../environment.ts';
import type { StoreSecret } from '../secrets.ts';
import { isPassing, isUnknownScript, type Patience, SERVING, timeoutSignal } from './failures.ts';

const RETRY_AFTER_MS = 50;

/** Upstash over HTTPS: no connection to keep, each call bounded in time. */
export function connectRedis(
  environment: Environment,
  secret: StoreSecret | undefined,
  { callTimeoutMs }: Patience = SERVING,
): RedisPort {
  const url = environment.UPSTASH_REDIS_REST_URL ?? secret?.upstash?.restUrl;
  const token = environment.UPSTASH_REDIS_REST_TOKEN ?? secret?.upstash?.restToken;
  if (url === undefined || token === undefined) {
    throw new Error('UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN are missing');
  }
  return new UpstashPort(new RestClient(url, token, callTimeoutMs));
}

/** Commands by name, which the client itself has for single ones only. */
class RestClient extends Redis {
  constructor(url: string, token: string, callTimeoutMs: number) {
    super({
      url,
      token,
      // Replies as Redis gave them: "123" stays text, and no byte order mark is taken off.
      automaticDeserialization: false,
      responseEncoding: false,
      enableTelemetry: false,
      enableAutoPipelining: false,
      // One more try on a broken connection. Scripts that must not run twice carry an idempotency key.
      retry: { retries: 1, backoff: () => RETRY_AFTER_MS },
      signal: () => timeoutSignal(callTimeoutMs),
    });
  }

  async send(path: string[], body: readonly unknown[]): Promise<unknown> {
    return this.client.request<unknown>({ path, body });
  }
}

class UpstashPort implements RedisPort {
  readonly #client: RestClient;

  constructor(client: RestClient) {
    this.#client = client;
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
    // Nothing is held open.
  }

  async #send(path: string[], body: readonly unknown[]): Promise<unknown> {
    try {
      return await this.#client.send(path, body);
    } catch (error) {
      throw explained(error);
    }
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

/** The client puts the whole command, tokens and contents with it, into its messages: only what Redis said is kept. */
function explained(error: unknown): Error {
  if (error instanceof Error && error.name === 'UpstashError') {
    return refusal(error.message.split(', command was: ', 1)[0] ?? '');
  }
  const code =
    error instanceof Error && error.cause instanceof Error ? `: ${String(Reflect.get(error.cause, 'code'))}` : '';
  return new RedisUnavailableError(`${error instanceof Error ? error.name : 'unknown error'}${code}`);
}

/** Redis's own refusals begin with a code in capitals; others are the service's, such as a limit that was reached. */
function refusal(text: string): Error {
  const isRedis = /^(?:ERR )?[A-Z]{3,}\b/.test(text);
  return !isRedis || isPassing(text) ? new RedisUnavailableError(text) : new Error(text);
}
