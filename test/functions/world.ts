import { randomBytes, scryptSync } from 'node:crypto';
import { Redis } from 'ioredis';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { createLog } from '../../functions/runtime/log.ts';
import { type Api, startApi } from '../../local/http/server.ts';
import { keepLog } from '../kit/logs.ts';
import { sharedClusterUrl, sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { startTestUpstash } from '../kit/upstash.ts';

export const stores = ['ioredis', 'ioredis in a cluster', 'Upstash'] as const;
export type Store = (typeof stores)[number];

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: an answer is asserted on, member by member.
  body: any;
}

/** The real HTTP server on a store, a logged-in operator, and its log. */
export interface World {
  api: Api;
  redis: Redis;
  prefix: string;
  operator: string;
  logged: Record<string, unknown>[];
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Reply>;
  send(body: unknown, headers?: Record<string, string>): Promise<Reply>;
  addUser(id: string, fields?: Record<string, string>): Promise<void>;
  stop(): Promise<void>;
}

export interface CallOptions {
  body?: string | Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
  token?: string | null;
}

export async function startWorld(
  options: { store?: Store; url?: string; env?: Record<string, string> } = {},
): Promise<World> {
  const { store = 'ioredis', env = {} } = options;
  const prefix = uniquePrefix();
  const url = options.url ?? (store === 'ioredis in a cluster' ? sharedClusterUrl() : sharedRedisUrl());
  const redis = new Redis(url);
  redis.on('error', () => undefined);
  const upstash = store === 'Upstash' ? await startTestUpstash({ redisUrl: url }) : undefined;
  const logged: Record<string, unknown>[] = [];
  const api = await startApi({
    port: 0,
    env: {
      REDIS_KEY_PREFIX: prefix,
      ...(upstash
        ? { UPSTASH_REDIS_REST_URL: upstash.url, UPSTASH_REDIS_REST_TOKEN: upstash.token }
        : { REDIS_URL: url, REDIS_CLUSTER: String(store === 'ioredis in a cluster') }),
      ...env,
    },
    log: createLog({ level: 'info' }, { write: (line) => logged.push(JSON.parse(line)) }),
  });
  const operator = tokenOf('op');
  await redis.hset(`${prefix}user:op`, { role: 'operator', token: tokenAtRest(operator) });
  await redis.zadd(`${prefix}users`, 0, 'op');

  const call = caller(api.url, operator);
  const post: World['post'] = (path, body, headers = {}) => call('POST', path, { body: JSON.stringify(body), headers });
  return {
    api,
    redis,
    prefix,
    operator,
    logged,
    call,
    post,
    send: (body, headers) => post('/send-command', body, headers),
    addUser: async (id, fields = { token: 'plain' }) => {
      await redis.hset(`${prefix}user:${id}`, fields);
      await redis.zadd(`${prefix}users`, 0, id);
    },
    stop: async () => {
      await api.close();
      await upstash?.stop();
      redis.disconnect();
      keepLog(logged.map((line) => JSON.stringify(line)).join('\n'));
    },
  };
}

/** Calls the HTTP API at `url`, as this operator where no other token is named; null: without one. */
export function caller(url: string, operator: string): World['call'] {
  return async (method, path, { body, headers = {}, token = operator } = {}) => {
    const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...authorization, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') && text !== '';
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
  };
}

export function tokenOf(userId: string): string {
  return `${Buffer.from(userId).toString('base64url')}.${'t'.repeat(43)}`;
}

/** At a small part of the usual cost, which is in the text: what a check costs is the affair of test/contract/passwords.test.ts. */
export function withPassword(password: string): Record<string, string> {
  const [n, r, p] = [1_024, 8, 1];
  const salt = randomBytes(16);
  const hash = scryptSync(password, salt, 32, { N: n, r, p });
  return { password: `scrypt$${n}$${r}$${p}$${salt.toString('base64url')}$${hash.toString('base64url')}` };
}
