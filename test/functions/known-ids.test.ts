import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { createHandler as groups } from '../../functions/groups/handler.ts';
import { createLog } from '../../functions/runtime/log.ts';
import { createRuntime, type Runtime } from '../../functions/runtime/runtime.ts';
import { createHandler as sendCommand } from '../../functions/send-command/handler.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { tokenOf } from '../kit/users.ts';

const AHEAD_MS = 60_000;

/** As after a failover: the clock that the function has measured was a minute ahead of the one of this Redis. */
let runtime: Runtime;
beforeAll(async () => {
  const env = { REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: uniquePrefix() };
  runtime = await createRuntime(env, createLog({ level: 'silent' }));
  const { redis, keys } = runtime;
  await redis.command('HSET', keys.user('op'), 'role', 'operator', 'token', tokenAtRest(tokenOf('op')));
  await redis.command('HSET', keys.user('ann'), 'token', 'plain');
});
afterAll(() => runtime.redis.close());

function eventOf(routeKey: string, body: object, pathParameters = {}): APIGatewayProxyEventV2 {
  return {
    version: '2.0',
    routeKey,
    rawPath: '/',
    rawQueryString: '',
    headers: { authorization: `Bearer ${tokenOf('op')}`, 'content-type': 'application/json' },
    requestContext: { requestId: 'r', http: { method: routeKey.split(' ')[0], path: '/', sourceIp: '127.0.0.1' } },
    pathParameters,
    body: JSON.stringify(body),
    isBase64Encoded: false,
  } as unknown as APIGatewayProxyEventV2;
}

const messageId = async () => Number(await runtime.redis.command('GET', `${runtime.keys.prefix}message_id`));

it.each([
  [
    'a command',
    () => sendCommand(runtime)(eventOf('POST /send-command', { command_id: 102, chat_to: 'ann', content: 'x' })),
  ],
  ['a member', () => groups(runtime)(eventOf('PUT /groups/{name}/members', { add: ['ann'] }, { name: 'g' }))],
] as const)('the id of %s is above all that were given by the server before', async (_what, call) => {
  const { redis, keys, clock } = runtime;
  await redis.command('DEL', `${keys.prefix}message_id`);
  clock.learn(Date.now() + AHEAD_MS, Date.now());
  const before = (Date.now() + AHEAD_MS - 1_000) * 1_024;
  expect((await call()).statusCode).toBe(200);
  expect(await messageId()).toBeGreaterThan(before);
});
