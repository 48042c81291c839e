import { describe, expect, it } from 'vitest';
import type { LifecycleItem } from '../../contract/upstream.ts';
import { THROTTLED } from '../../local/upstream/faults.ts';
import { startGatewayProcess } from '../kit/gateway-process.ts';
import { Peer } from '../kit/peer.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { AWS_ENV, testFunction, upstreamGateway } from './support/test-function.ts';

/** `connected 1 verified` …: the sessions of the user are numbered in the order of their epochs. */
const story = (items: readonly LifecycleItem[], user: string) => {
  const own = items.filter((item) => item.user === user);
  const epochs = [...new Set(own.map(({ epoch }) => epoch))].sort((a, b) => a - b);
  return own.map(({ type, epoch, reason }) => `${type} ${epochs.indexOf(epoch) + 1} ${reason}`);
};
/** Without those that came twice. */
const once = (items: readonly LifecycleItem[]) => [
  ...new Map(items.map((item) => [`${item.user} ${item.epoch} ${item.type}`, item])).values(),
];

describe('lifecycle events', () => {
  it('have one begin and one end for each session, in order', async () => {
    const fn = await testFunction();
    const gateway = await upstreamGateway(fn);
    const first = await gateway.verified('guest', ['goodbye']);
    const second = await gateway.verified('guest', ['goodbye']);
    await first.ended();
    await second.leave();
    await until('four came', () => fn.lifecycle.length === 4);
    expect(story(fn.lifecycle, 'guest')).toEqual([
      'connected 1 verified',
      'disconnected 1 taken_over',
      'connected 2 verified',
      'disconnected 2 client_left',
    ]);
    const [item] = fn.lifecycle;
    expect(item).toMatchObject({ gateway: gateway.running.id, id: expect.stringMatching(/^\d+-\d+$/) });
    expect(Math.abs(Date.now() - (item?.at ?? 0))).toBeLessThan(60_000);
  });

  it('go to a function of their own, or to none', async () => {
    const fn = await testFunction();
    const prefix = uniquePrefix();
    const env = { UPSTREAM_LIFECYCLE_FUNCTION: 'others' };
    const names: string[] = [];
    fn.fault = ({ functionName }) => {
      names.push(functionName);
      return undefined;
    };
    const gateway = await upstreamGateway(fn, env, prefix);
    const guest = await gateway.verified('guest');
    guest.send(1000, { n: 1 });
    await until('both were invoked', () => names.includes('others') && names.includes('devices'));
  });

  it('come after an outage of the function, none lost, and none from before it was configured', async () => {
    const fn = await testFunction();
    const prefix = uniquePrefix();
    const without = await upstreamGateway(fn, { UPSTREAM_FUNCTION: '' }, prefix);
    await (await without.verified('early')).leave();
    await until('early is written', async () => (await without.redis.command('XLEN', without.keys.events)) === 2);
    fn.fault = () => THROTTLED;
    const gateway = await upstreamGateway(fn, { UPSTREAM_MAX_ATTEMPTS: '1' }, prefix);
    for (const user of ['a', 'b', 'c']) await (await gateway.verified(user)).leave();
    await until('it was tried', () => fn.invocations > 1);
    fn.fault = undefined;
    await until('all came', () => once(fn.lifecycle).length === 6, { timeoutMs: 15_000 });
    for (const user of ['a', 'b', 'c']) {
      expect(story(once(fn.lifecycle), user)).toEqual(['connected 1 verified', 'disconnected 1 client_left']);
    }
  });

  it('that were removed before the function had them are reported as a gap, before those that follow', async () => {
    const fn = await testFunction();
    const prefix = uniquePrefix();
    const first = await upstreamGateway(fn, {}, prefix);
    await (await first.verified('before')).leave();
    await until('both came', () => fn.lifecycle.length === 2);
    const after = fn.lifecycle[1]?.id;
    const position = () => first.redis.command('GET', first.keys.upstreamPosition);
    await until('the position is stored', async () => (await position()) === after);
    await first.running.stop();
    const { redis, keys } = first;
    const event = ['type', 'connected', 'epoch', 1, 'gateway', 'g', 'reason', 'verified', 'at', Date.now()];
    for (const user of ['removed', 'a', 'b']) await redis.command('XADD', keys.events, '*', 'user', user, ...event);
    await redis.command('XTRIM', keys.events, 'MAXLEN', '=', 2);
    const second = await upstreamGateway(fn, {}, prefix);
    await until('the others came', () => fn.lifecycle.length === 4);
    const [gap, rest] = fn.events.slice(-2);
    const before = fn.lifecycle[2]?.id;
    expect(gap).toEqual({ fronttcp: 1, kind: 'gap', batch: expect.any(String), after, before });
    expect(rest).toMatchObject({ kind: 'lifecycle', items: [{ user: 'a' }, { user: 'b' }] });
    expect(await second.metric('fronttcp_upstream_lifecycle_gaps_total')).toBe(1);
  });

  it('continue when another gateway takes over, with those lost by a killed one', async () => {
    const fn = await testFunction();
    const prefix = uniquePrefix();
    const env = {
      ...AWS_ENV,
      AWS_ENDPOINT_URL_LAMBDA: fn.url,
      UPSTREAM_FUNCTION: 'devices',
      REDIS_URL: sharedRedisUrl(),
      REDIS_KEY_PREFIX: prefix,
      LEASE_MS: '2000',
    };
    const { process: program, port } = await startGatewayProcess({ env });
    const gateway = await upstreamGateway(fn, { LEASE_MS: '2000' }, prefix);
    await gateway.users('victim');
    const victim = await Peer.connect(port);
    await victim.verify('victim');
    await until('it came', () => fn.lifecycle.length === 1);
    await program.stop('SIGKILL');
    await until('the end is reported', () => once(fn.lifecycle).length === 2, { timeoutMs: 20_000 });
    expect(story(once(fn.lifecycle), 'victim')).toEqual(['connected 1 verified', 'lost 1 gateway_lost']);
    const back = await gateway.verified('victim');
    await until('it is back', () => once(fn.lifecycle).length === 3);
    await back.leave();
    await until('it left', () => once(fn.lifecycle).length === 4);
    expect(story(once(fn.lifecycle), 'victim').slice(2)).toEqual([
      'connected 2 verified',
      'disconnected 2 client_left',
    ]);
  });
});
