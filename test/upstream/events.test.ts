import { describe, expect, it } from 'vitest';
import { type Fault, SERVICE_FAILED, THROTTLED } from '../../local/upstream/faults.ts';
import { frameBytes } from '../kit/peer.ts';
import { reservePort } from '../kit/ports.ts';
import { uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { distinct, numbersOf, testFunction, upstreamGateway, upTo } from './support/test-function.ts';

const FEATURES = ['receipts', 'errors'];

describe('event mode', () => {
  it('hands over what the device sent, as it was sent', async () => {
    const fn = await testFunction();
    const gateway = await upstreamGateway(fn);
    const device = await gateway.verified('u"1', FEATURES);
    const before = Date.now();
    device.send(1000, '{"ref": "r1", "n": 12345678901, "deg": "\\u00b0", "ünï": [1, {}]}', 7);
    const accepted = await device.receives(110, undefined, 7);
    expect(accepted.body).toEqual({ ref: 'r1', id: expect.stringMatching(/^\d+-\d+$/) });
    device.send(1499, '', 8);
    await until('both came', () => fn.items.length === 2);
    expect(fn.items[0]).toEqual({
      user: 'u"1',
      epoch: Number(device.verdict.session),
      seq: 1,
      at: expect.any(Number),
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
      command_id: 1000,
      version: 7,
      body: { ref: 'r1', n: 12345678901, deg: '°', ünï: [1, {}] },
    });
    expect(fn.items[0]?.at).toBeGreaterThanOrEqual(before);
    expect(fn.items[1]).toMatchObject({ seq: 2, command_id: 1499, version: 8, body: null });
    expect(fn.events.find(({ kind }) => kind === 'items')).toMatchObject({ fronttcp: 1, batch: expect.any(String) });
    device.hasNothingMore();
  });

  it('gathers up to 100 items per invocation, those of many users together, each in order', async () => {
    const fn = await testFunction();
    const gateway = await upstreamGateway(fn, { UPSTREAM_LIFECYCLE_FUNCTION: 'none', UPSTREAM_TIMEOUT_MS: '100000' });
    // How quickly they come decides nothing: the function answers when all are spooled.
    const spooled = Promise.withResolvers<void>();
    fn.fault = () => ({ kind: 'late', until: spooled.promise });
    const users = Array.from({ length: 20 }, (_, i) => `many${i}`);
    const devices = await Promise.all(users.map((user) => gateway.verified(user)));
    for (const n of upTo(100)) for (const device of devices) device.send(1001, { n });
    const isSpooled = async () => (await gateway.metric('fronttcp_upstream_items_spooled_total')) === 2_000;
    await until('all are spooled', isSpooled);
    fn.fault = undefined;
    spooled.resolve();
    await until('all came', () => fn.items.length >= 2_000);
    for (const user of users) expect(numbersOf(fn.items, user)).toEqual(upTo(100));
    expect(fn.items).toHaveLength(2_000);
    const sizes = fn.events.map((event) => (event.kind === 'items' ? event.items.length : 0));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100);
    // One invocation per message would be 2,000.
    expect(fn.invocations).toBeLessThan(200);
    await until(
      'nothing is left',
      async () => (await gateway.redis.command('GET', gateway.keys.upstreamBytes)) === '0',
    );
  });

  it('accepts what a device sent before it shut down its sending side', async () => {
    const fn = await testFunction();
    const gateway = await upstreamGateway(fn);
    const device = await gateway.verified('ends', FEATURES);
    device.socket.end(Buffer.concat(upTo(100).map((n) => frameBytes(1000, { n, ref: n }))));
    for (const n of upTo(100)) await device.receives(110, { ref: n, id: expect.any(String) });
    await device.isClosedSilently();
  });

  it('keeps a batch under 900 KB', async () => {
    const fn = await testFunction();
    const gateway = await upstreamGateway(fn, { UPSTREAM_BATCH_MS: '200', UPSTREAM_LIFECYCLE_FUNCTION: 'none' });
    const device = await gateway.verified('big');
    for (const n of upTo(40)) device.send(1000, { n, text: 'x'.repeat(60_000) });
    await until('all came', () => fn.items.length === 40);
    expect(numbersOf(fn.items, 'big')).toEqual(upTo(40));
    for (const event of fn.events) expect(JSON.stringify(event).length).toBeLessThan(901_000);
    expect(fn.events.length).toBeLessThan(10);
  });

  const faults: [string, Fault][] = [
    ['throttles', THROTTLED],
    ['fails', SERVICE_FAILED],
    ['closes connections', { kind: 'close' }],
    ['takes a batch and closes the connection', { kind: 'close', after: true }],
    ['hangs', { kind: 'hang' }],
  ];
  it.each(faults)('loses and reorders nothing while Lambda %s', async (_, fault) => {
    const fn = await testFunction();
    const gateway = await upstreamGateway(fn, { UPSTREAM_TIMEOUT_MS: '300', UPSTREAM_MAX_ATTEMPTS: '2' });
    // Two invocations of three go wrong.
    fn.fault = () => (fn.invocations % 3 === 0 ? undefined : fault);
    const users = ['a', 'b', 'c'];
    const devices = await Promise.all(users.map((user) => gateway.verified(user, FEATURES)));
    for (const n of upTo(150)) for (const device of devices) device.send(1000, { n, ref: n });
    await until('all came', () => distinct(fn.items).length === 450, { timeoutMs: 60_000 });
    for (const user of users) expect(numbersOf(fn.items, user)).toEqual(upTo(150));
    for (const device of devices)
      for (const n of upTo(150)) await device.receives(110, { ref: n, id: expect.any(String) });
  });

  it('waits in Redis while Lambda is away, and comes in order after', async () => {
    const port = await reservePort();
    const gone = await testFunction(port);
    const gateway = await upstreamGateway(gone, { UPSTREAM_MAX_ATTEMPTS: '1' });
    await gone.close();
    const device = await gateway.verified('patient', FEATURES);
    for (const n of upTo(120)) device.send(1000, { n, ref: n });
    for (const n of upTo(120)) await device.receives(110, { ref: n, id: expect.any(String) });
    await until('it was tried', async () => (await gateway.metric('fronttcp_upstream_batch_failures_total')) > 0);
    const back = await testFunction(port);
    await until('all came', () => back.items.length >= 120, { timeoutMs: 20_000 });
    expect(numbersOf(back.items, 'patient')).toEqual(upTo(120));
  });

  it('counts a failed invocation once, by its failure', async () => {
    const fn = await testFunction();
    fn.fault = () => (fn.invocations <= 3 ? THROTTLED : undefined);
    const env = { UPSTREAM_LIFECYCLE_FUNCTION: 'none', UPSTREAM_MAX_ATTEMPTS: '1' };
    const gateway = await upstreamGateway(fn, env);
    const device = await gateway.verified('counted');
    device.send(1000, { n: 1 });
    await until('it came', () => fn.items.length === 1);
    expect(await gateway.metric('fronttcp_upstream_batch_failures_total')).toBe(3);
    expect(await gateway.metric('fronttcp_upstream_failures_total{failure="upstream_throttled"}')).toBe(3);
  });

  it('refuses when the spool is full, and takes more when there is room', async () => {
    const fn = await testFunction();
    fn.fault = () => THROTTLED;
    const gateway = await upstreamGateway(fn, { UPSTREAM_SPOOL_MAX: '10', UPSTREAM_MAX_ATTEMPTS: '1' });
    const device = await gateway.verified('full', FEATURES);
    for (const n of upTo(12)) device.send(1000, { n, ref: n }, 5);
    for (const n of upTo(10)) await device.receives(110, { ref: n, id: expect.any(String) });
    for (const n of [11, 12]) {
      const refused = await device.receives(111, undefined, 5);
      expect(refused.body).toEqual({ error: 'upstream_full', message: expect.any(String), ref: n });
    }
    fn.fault = undefined;
    await until('the first ten came', () => fn.items.length === 10, { timeoutMs: 15_000 });
    device.send(1000, { n: 13, ref: 13 });
    await device.receives(110, { ref: 13, id: expect.any(String) });
    await until('the last came', () => fn.items.length === 11);
    expect(numbersOf(fn.items, 'full')).toEqual([...upTo(10), 13]);
  });

  it('divides a batch that is too large for Lambda, and dead-letters an item that never fits', async () => {
    const fn = await testFunction();
    const tooLarge: Fault = { kind: 'refuse', status: 413, errorType: 'RequestTooLargeException' };
    fn.fault = ({ payload }) => (payload.length > 5_000 ? tooLarge : undefined);
    const gateway = await upstreamGateway(fn, { UPSTREAM_LIFECYCLE_FUNCTION: 'none' });
    const device = await gateway.verified('wide');
    for (const n of upTo(9)) device.send(1000, { n, text: 'x'.repeat(n === 5 ? 6_000 : 1_000) });
    await until('eight came', () => fn.items.length === 8);
    expect(numbersOf(fn.items, 'wide')).toEqual([1, 2, 3, 4, 6, 7, 8, 9]);
    const dead = (await gateway.redis.command('LRANGE', gateway.keys.upstreamDead, 0, -1)) as string[];
    expect(dead.map((text) => JSON.parse(text).body.n)).toEqual([5]);
    expect(await gateway.metric('fronttcp_upstream_failures_total{failure="upstream_too_large"}')).toBeGreaterThan(0);
    await until(
      'nothing is left',
      async () => (await gateway.redis.command('GET', gateway.keys.upstreamBytes)) === '0',
    );
  });

  it('keeps the order of a user that moves to another gateway while Lambda is slow', async () => {
    const fn = await testFunction();
    const prefix = uniquePrefix();
    const first = await upstreamGateway(fn, { LEASE_MS: '2000' }, prefix);
    const second = await upstreamGateway(fn, { LEASE_MS: '2000' }, prefix);
    const release = Promise.withResolvers<void>();
    fn.fault = () => ({ kind: 'late', until: release.promise });
    const here = await first.verified('mover', FEATURES);
    for (const n of upTo(60)) here.send(1000, { n, ref: n });
    for (const n of upTo(60)) await here.receives(110, { ref: n, id: expect.any(String) });
    const there = await second.verified('mover', FEATURES);
    for (const n of upTo(60)) there.send(1000, { n: n + 60, ref: n });
    for (const n of upTo(60)) await there.receives(110, { ref: n, id: expect.any(String) });
    fn.fault = undefined;
    release.resolve();
    await until('all came', () => distinct(fn.items).length === 120);
    expect(numbersOf(fn.items, 'mover')).toEqual(upTo(120));
  });

  it('refuses commands without a function, and those too large for any', async () => {
    const fn = await testFunction();
    const env = { UPSTREAM_EVENTS: '1000-1009', UPSTREAM_REQUESTS: 'none' };
    const gateway = await upstreamGateway(fn, env);
    const device = await gateway.verified('picky', FEATURES);
    const refused = (error: string, ref?: unknown) => ({ error, message: expect.any(String), ref });
    device.send(1010, { ref: 'a' });
    await device.receives(111, refused('no_upstream', 'a'));
    device.send(1000, '{"ref": "b"');
    await device.receives(111, refused('malformed'));
    device.send(1000, `{"ref": "c", "deep": ${'['.repeat(200)}${']'.repeat(200)}}`);
    await device.receives(111, refused('upstream_too_large', 'c'));
    device.send(1000, { ref: 'd' });
    await device.receives(110, { ref: 'd', id: expect.any(String) });
    await until('the last came', () => fn.items.length === 1);
  });

  it('sends a plain client nothing', async () => {
    const fn = await testFunction();
    fn.fault = () => THROTTLED;
    const gateway = await upstreamGateway(fn, { UPSTREAM_SPOOL_MAX: '1', UPSTREAM_MAX_ATTEMPTS: '1' });
    const device = await gateway.verified('plain');
    for (const n of upTo(3)) device.send(1000, { n, ref: n });
    device.send(1999, { ref: 4 });
    await until('it was refused', async () => (await gateway.metric('fronttcp_upstream_requests_refused_total')) === 1);
    device.hasNothingMore();
  });
});
