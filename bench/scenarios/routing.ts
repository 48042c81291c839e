import type { Redis } from 'ioredis';
import { keysOf } from '../../contract/store/keys.ts';
import { type RouteCommand, routeCommands, routeScript } from '../../contract/store/scripts/route.ts';
import type { RedisArgument, RedisPort, RedisReply } from '../../shared/redis/port.ts';
import type { Plan } from '../plan.ts';
import { sharedRedis } from '../servers/fronttcp.ts';
import { userId, writeUsers } from '../support/redis.ts';
import type { Measured, Scenario, ScenarioFile } from './scenario.ts';

const USERS = 2_000;
const LIMITS = { offlineTtlSeconds: 604_800, mailboxMax: 1_000, highestId: 0 };
const keys = keysOf('');

/** What Redis spends on a message, by its own account (`INFO commandstats`), with few and many live gateways. */
export const routing: ScenarioFile = () => [byGateways()];

function byGateways(): Scenario {
  return {
    id: 'routing',
    group: 'Scale',
    title: 'Redis time of the route script, µs, by live gateways',
    note: `${USERS.toLocaleString('en-US')} connected users spread over the gateways; a broadcast must reach every gateway, a single message one`,
    columns: [
      { key: 'single', label: 'one message', better: 'lower' },
      { key: 'batch', label: 'a message in a batch of 64', better: 'lower' },
      { key: 'group', label: 'a recipient of a group of 100', better: 'lower' },
      { key: 'broadcast', label: 'a broadcast', better: 'lower' },
    ],
    baseline: '1 gateway',
    isQuick: true,
    contestants: [1, 10, 100, 1_000].map((gateways) => ({
      name: `${gateways.toLocaleString('en-US')} gateway${gateways === 1 ? '' : 's'}`,
      measure: (plan) => measure(plan, gateways),
    })),
  };
}

async function measure(plan: Plan, gateways: number): Promise<Measured> {
  const { client } = await sharedRedis(plan);
  await client.flushall();
  await writeUsers(client, USERS);
  await claimAll(client, gateways);
  const port = portOf(client);
  const calls = plan.isQuick ? 100 : 2_000;
  return {
    single: await redisTime(client, calls, () => route(port, [to(1)])),
    batch:
      (await redisTime(client, calls / 10, () =>
        route(
          port,
          Array.from({ length: 64 }, () => to(1)),
        ),
      )) / 64,
    group: (await redisTime(client, calls / 10, () => route(port, [to(100)]))) / 100,
    broadcast: await redisTime(client, calls / 10, () => route(port, [{ ...to(1), commandId: 104, to: 'everyone' }])),
  };
}

/** Sessions as a claim leaves them, and leases that outlast the measurement. */
async function claimAll(client: Redis, gateways: number): Promise<void> {
  const pipeline = client.pipeline();
  const until = Date.now() + 3_600_000;
  for (let i = 0; i < gateways; i++) pipeline.zadd(keys.gateways, until, `g${i}`);
  for (let i = 0; i < USERS; i++) {
    const gateway = `g${i % gateways}`;
    pipeline.hset(keys.user(userId(i)), { gateway, epoch: 1, form: 'plain' });
    pipeline.sadd(keys.sessions(gateway), userId(i));
  }
  await pipeline.exec();
}

function to(recipients: number): RouteCommand {
  const first = Math.floor(Math.random() * USERS);
  return {
    commandId: 102,
    version: 1_100,
    body: `{"chat_from": "bench", "chat_content": "${'x'.repeat(100)}"}`,
    to: Array.from({ length: recipients }, (_, i) => userId((first + i) % USERS)),
    from: 'bench',
    ttlSeconds: 0,
    receipt: false,
    traceparent: '',
  };
}

async function route(port: RedisPort, commands: readonly RouteCommand[]): Promise<void> {
  const { status } = await routeCommands(port, keys, commands, LIMITS);
  if (status !== 'ok') throw new Error(`the route script answered ${status}`);
}

/** µs per call in Redis. */
async function redisTime(client: Redis, calls: number, act: () => Promise<void>): Promise<number> {
  await client.script('LOAD', routeScript.lua);
  await act();
  await client.config('RESETSTAT');
  for (let i = 0; i < calls; i++) await act();
  const usec = /cmdstat_evalsha:.*?usec_per_call=([\d.]+)/.exec(await client.info('commandstats'))?.[1];
  if (usec === undefined) throw new Error('Redis kept no account of EVALSHA');
  return Number(usec);
}

function portOf(client: Redis): RedisPort {
  const command = async (name: string, ...args: RedisArgument[]): Promise<RedisReply> =>
    (await client.call(name, ...args)) as RedisReply;
  return {
    command,
    pipeline: (commands) => Promise.all(commands.map(([name, ...args]) => command(String(name), ...args))),
    script: (script, scriptKeys, args) => command('EVALSHA', script.sha1, scriptKeys.length, ...scriptKeys, ...args),
    close: () => Promise.resolve(),
  };
}
