import { Redis } from 'ioredis';
import { createLog } from '../../functions/runtime/log.ts';
import { type Api, startApi } from '../../local/http/server.ts';
import { keepLog } from './logs.ts';
import { sharedClusterUrl, sharedRedisUrl, uniquePrefix } from './redis.ts';
import { startTestUpstash } from './upstash.ts';
import { addOperator } from './users.ts';

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
export interface HttpApi {
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

export async function startHttpApi(
  options: { store?: Store; url?: string; env?: Record<string, string> } = {},
): Promise<HttpApi> {
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
  const operator = await addOperator(redis, prefix);
  await redis.zadd(`${prefix}users`, 0, 'op');

  const call = caller(api.url, operator);
  const post: HttpApi['post'] = (path, body, headers = {}) =>
    call('POST', path, { body: JSON.stringify(body), headers });
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
export function caller(url: string, operator: string): HttpApi['call'] {
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
