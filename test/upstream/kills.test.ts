import { describe, expect, it, onTestFinished } from 'vitest';
import type { UpstreamItem, UpstreamItems } from '../../contract/upstream.ts';
import { THROTTLED } from '../../local/upstream/faults.ts';
import { startGatewayProcess } from '../kit/gateway-process.ts';
import { Peer } from '../kit/peer.ts';
import type { RunningProcess } from '../kit/process.ts';
import { sharedRedisUrl, startTestRedis, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import {
  AWS_ENV,
  distinct,
  numbersOf,
  type TestFunction,
  testFunction,
  upstreamGateway,
  upTo,
} from './support/test-function.ts';

const LEASE = { LEASE_MS: '2000' };

const firstNumber = ({ items }: UpstreamItems): number => (items as UpstreamItem<{ n: number }>[])[0]?.body.n ?? 0;

/** A gateway that can be killed. */
async function victim(fn: TestFunction, prefix: string): Promise<{ program: RunningProcess; port: number }> {
  const env = {
    ...AWS_ENV,
    ...LEASE,
    AWS_ENDPOINT_URL_LAMBDA: fn.url,
    UPSTREAM_FUNCTION: 'devices',
    UPSTREAM_MAX_ATTEMPTS: '1',
    REDIS_URL: sharedRedisUrl(),
    REDIS_KEY_PREFIX: prefix,
  };
  const { process: program, port } = await startGatewayProcess({ env });
  onTestFinished(async () => {
    await program.stop('SIGKILL');
  });
  return { program, port };
}

describe('kill -9 of a gateway', () => {
  it.each([
    ['while Lambda is away', 'throttles'],
    ['while Lambda takes everything', 'works'],
    ['while Lambda takes batches and says nothing', 'swallows'],
  ])('%s, loses and reorders nothing that was accepted', async (_, how) => {
    const fn = await testFunction();
    const prefix = uniquePrefix();
    const { program, port } = await victim(fn, prefix);
    const survivor = await upstreamGateway(fn, LEASE, prefix);
    if (how === 'throttles') fn.fault = () => THROTTLED;
    if (how === 'swallows') fn.fault = () => ({ kind: 'close', after: true });
    const users = ['k1', 'k2', 'k3', 'k4'];
    await survivor.users(...users);
    const accepted = new Map<string, number>();
    const devices = await Promise.all(
      users.map(async (user) => {
        const device = await Peer.connect(port);
        await device.verify(user, { features: ['receipts'] });
        return { user, device };
      }),
    );
    for (const n of upTo(400)) for (const { device } of devices) device.send(1000, { n, ref: n });
    await until('many are accepted', () => devices.every(({ device }) => device.frames.length > 150));
    await program.stop('SIGKILL');
    for (const { user, device } of devices) {
      await device.ended();
      accepted.set(user, device.frames.filter(({ commandId }) => commandId === 110).length);
      device.socket.destroy();
    }
    fn.fault = undefined;
    // The same users on the other gateway: what they send now comes behind.
    for (const { user } of devices) {
      const again = await survivor.verified(user, ['receipts']);
      for (const n of upTo(50)) again.send(1000, { n: 1_000 + n, ref: n });
    }
    for (const [user, count] of accepted) {
      await until(
        `all of ${user} came`,
        () => numbersOf(fn.items, user).at(-1) === 1_050 && numbersOf(fn.items, user).length >= count + 50,
        { timeoutMs: 25_000 },
      );
      const numbers = numbersOf(fn.items, user);
      expect(numbers.slice(0, count)).toEqual(upTo(count));
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      expect(numbers.slice(-50)).toEqual(upTo(50).map((n) => n + 1_000));
      // Within an epoch the sequence tells a device's items apart, also when they come twice.
      const own = fn.items.filter((item) => item.user === user);
      expect(distinct(own)).toHaveLength(numbers.length);
    }
  });
});

describe('a gateway that froze for longer than its lease', () => {
  it('invokes nothing under its old id, and goes on with its new one', async () => {
    const fn = await testFunction();
    const prefix = uniquePrefix();
    const { program, port } = await victim(fn, prefix);
    const survivor = await upstreamGateway(fn, LEASE, prefix);
    fn.fault = () => THROTTLED;
    await survivor.users('frozen');
    const device = await Peer.connect(port);
    await device.verify('frozen', { features: ['receipts'] });
    for (const n of upTo(150)) device.send(1000, { n, ref: n });
    await until('all are accepted', () => device.frames.length === 151);
    // Between two tries, most likely: it has a batch in memory, and none on its way.
    await until('Lambda has refused it', () => fn.invocations > 0);
    program.child.kill('SIGSTOP');
    const lanes = () => survivor.metric('fronttcp_upstream_lanes');
    await until('its lanes are taken over', async () => (await lanes()) === 17, { timeoutMs: 20_000 });
    fn.fault = undefined;
    await until('all came', () => numbersOf(fn.items, 'frozen').length === 150, { timeoutMs: 20_000 });
    const before = fn.events.length;
    program.child.kill('SIGCONT');
    await until('the lanes are shared again', async () => (await lanes()) < 17, { timeoutMs: 20_000 });
    for (const n of upTo(50)) device.send(1000, { n: n + 150, ref: n });
    await until('the rest came', () => numbersOf(fn.items, 'frozen').length === 200, { timeoutMs: 20_000 });
    expect(numbersOf(fn.items, 'frozen')).toEqual(upTo(200));
    // Of what it held in memory nothing was handed on again, but for what was already on its way when it froze.
    const repeated = fn.events.slice(before).filter((event) => event.kind === 'items' && firstNumber(event) <= 150);
    expect(repeated.length).toBeLessThanOrEqual(1);
  });
});

describe('a gateway that stops in order', () => {
  it('leaves no accepted item behind, and its lanes to others', async () => {
    const fn = await testFunction();
    const prefix = uniquePrefix();
    const first = await upstreamGateway(fn, {}, prefix);
    const second = await upstreamGateway(fn, {}, prefix);
    await until('the lanes are shared', async () => {
      const lanes = await Promise.all([first, second].map((gateway) => gateway.metric('fronttcp_upstream_lanes')));
      return lanes[0] === 9 && lanes[1] === 8;
    });
    const devices = await Promise.all(upTo(8).map((i) => first.verified(`s${i}`, ['receipts'])));
    for (const n of upTo(100)) for (const device of devices) device.send(1000, { n, ref: n });
    await until('some came', () => fn.items.length > 100);
    fn.fault = () => THROTTLED;
    // What a gateway that stops has not read yet was not accepted.
    await until('all are accepted', () => devices.every((device) => device.frames.length === 101));
    const stopped = first.running.stop();
    fn.fault = undefined;
    await stopped;
    await until('the lanes are taken over', async () => (await second.metric('fronttcp_upstream_lanes')) === 17);
    await until('all came', () => distinct(fn.items).length === 800);
    for (const i of upTo(8)) expect(numbersOf(fn.items, `s${i}`)).toEqual(upTo(100));
  });
});

describe('Redis', () => {
  it('away for a moment, or killed and back with its data, costs nothing that was accepted', async () => {
    const redis = await startTestRedis({ appendonly: true, args: ['--appendfsync', 'always'] });
    onTestFinished(() => redis.stop());
    const fn = await testFunction();
    const gateway = await upstreamGateway(fn, { REDIS_URL: redis.url });
    await gateway.redis.command('PING');
    const device = await gateway.verified('r', ['receipts', 'errors']);
    for (const n of upTo(50)) device.send(1000, { n, ref: n });
    await until('all are accepted', () => device.frames.length === 51);
    await redis.kill('SIGKILL');
    // More than a sender may have on its way: it is not read until Redis is back.
    for (const n of upTo(200)) device.send(1000, { n: n + 50, ref: n + 50 });
    await redis.restart();
    await until('all are accepted', () => device.frames.length === 251, { timeoutMs: 20_000 });
    await until('all came', () => distinct(fn.items).length === 250, { timeoutMs: 20_000 });
    expect(numbersOf(fn.items, 'r')).toEqual(upTo(250));
    expect(device.frames.slice(1).map(({ commandId }) => commandId)).toEqual(Array.from({ length: 250 }, () => 110));
  });
});
