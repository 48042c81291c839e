import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { createHandler as commands } from '../../functions/commands/handler.ts';
import { createLog } from '../../functions/runtime/log.ts';
import { createRuntime, type Runtime } from '../../functions/runtime/runtime.ts';
import { createHandler as sendCommand } from '../../functions/send-command/handler.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { tokenOf } from '../kit/users.ts';

let runtime: Runtime;
const logged: Record<string, unknown>[] = [];
beforeAll(async () => {
  const env = { REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: uniquePrefix() };
  runtime = await createRuntime(env, createLog({ level: 'info' }, { write: (line) => logged.push(JSON.parse(line)) }));
  const { redis, keys } = runtime;
  await redis.command('HSET', keys.user('op'), 'role', 'operator', 'token', tokenAtRest(tokenOf('op')));
  await redis.command('HSET', keys.user('ann'), 'token', 'plain');
});
afterAll(() => runtime.redis.close());

interface Call {
  readonly route: string;
  readonly body?: object;
  readonly key?: string;
  readonly id?: string;
}

/** The body of the answer of a new sandbox, and the number of commands in its first line of metrics. */
async function counted(create: typeof commands, { route, body, key, id }: Call) {
  vi.stubEnv('METRICS_DEPLOYMENT', 'blue');
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    const event = {
      version: '2.0',
      routeKey: route,
      rawPath: '/',
      rawQueryString: '',
      headers: { authorization: `Bearer ${tokenOf('op')}`, ...(key === undefined ? {} : { 'idempotency-key': key }) },
      requestContext: { requestId: 'r', http: { method: route.split(' ')[0], path: '/', sourceIp: '127.0.0.1' } },
      pathParameters: id === undefined ? {} : { id },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      isBase64Encoded: false,
    };
    const answer = await create(runtime)(event as unknown as APIGatewayProxyEventV2);
    const lines = write.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('ApiCommands'));
    expect(lines).toHaveLength(1);
    return { body: JSON.parse(answer.body ?? ''), commands: JSON.parse(lines[0] ?? '').ApiCommands };
  } finally {
    write.mockRestore();
    vi.unstubAllEnvs();
  }
}

const command = { command_id: 102, chat_to: 'ann', content: 'x', receipt: true };
const send = (body: object, key: string) => counted(sendCommand, { route: 'POST /send-command', body, key });

it('a message is counted by the call that sent it, not by its repetition, its receipt or its cancellation', async () => {
  const first = await send(command, 'one');
  expect(first.commands).toBe(1);
  expect(await send(command, 'one')).toEqual({ ...first, commands: 0 });
  const { id } = first.body;
  expect((await counted(commands, { route: 'GET /commands/{id}', id })).commands).toBe(0);
  expect(logged.at(-1)).toMatchObject({ route: 'GET /commands/{id}', target: id });
  expect((await counted(commands, { route: 'DELETE /commands/{id}', id })).commands).toBe(0);
});

it('of a batch those that it sent are counted, once', async () => {
  const batch = { commands: [command, { ...command, chat_to: undefined }, command] };
  expect((await send(batch, 'many')).commands).toBe(2);
  expect((await send(batch, 'many')).commands).toBe(0);
});
