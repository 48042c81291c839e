import { describe, expect, it } from 'vitest';
import { SERVICE_FAILED, THROTTLED } from '../../local/upstream/faults.ts';
import { stopwatch } from '../kit/stopwatch.ts';
import { until } from '../kit/until.ts';
import { testFunction, upstreamGateway, upTo } from './support/test-function.ts';

const FEATURES = ['receipts', 'errors'];
const refusal = (error: string, ref: unknown) => ({ error, message: expect.any(String), ref });

interface Answer {
  ref: number;
  error?: string;
}

describe('request mode', () => {
  it('answers with id + 1000, the ref and the version of the request', async () => {
    const fn = await testFunction();
    fn.answer = ({ item }) => ({ reply: { user: item.user, asked: item.body, '102': '°' } });
    const gateway = await upstreamGateway(fn);
    const device = await gateway.verified('asker', FEATURES);
    device.send(1500, { ref: 'q1', what: 1 }, 9);
    await device.receives(2500, { user: 'asker', asked: { ref: 'q1', what: 1 }, '102': '°', ref: 'q1' }, 9);
    device.send(1999, '', 10);
    await device.receives(2999, { user: 'asker', asked: null, '102': '°' }, 10);
    const [first, second] = fn.requests;
    expect(first?.item).toMatchObject({ seq: 1, command_id: 1500, version: 9, epoch: Number(device.verdict.session) });
    expect(second?.item.seq).toBe(2);
    expect(first?.deadline).toBeGreaterThan(Date.now());
  });

  it('keeps the order of a session, and serves sessions side by side', async () => {
    const fn = await testFunction();
    const slow = Promise.withResolvers<void>();
    fn.answer = async ({ item }) => {
      if (item.user === 'slow' && item.seq === 1) await slow.promise;
      return { reply: { seq: item.seq } };
    };
    const gateway = await upstreamGateway(fn);
    const [first, second] = [await gateway.verified('slow', FEATURES), await gateway.verified('quick', FEATURES)];
    for (const n of upTo(5)) first.send(1500, { ref: n });
    for (const n of upTo(5)) second.send(1500, { ref: n });
    for (const n of upTo(5)) await second.receives(2500, { seq: n, ref: n });
    first.hasNothingMore();
    slow.resolve();
    for (const n of upTo(5)) await first.receives(2500, { seq: n, ref: n });
  });

  it.each([
    ['the function fails', 'upstream_failed', undefined],
    ['Lambda throttles', 'upstream_throttled', THROTTLED],
    ['Lambda fails', 'upstream_failed', SERVICE_FAILED],
    ['the connection ends', 'upstream_failed', { kind: 'close' }],
    ['Lambda hangs', 'upstream_timeout', { kind: 'hang' }],
  ] as const)('when %s, the device gets %s', async (_, error, fault) => {
    const fn = await testFunction();
    fn.fault = () => fault;
    fn.answer = () => {
      throw new Error('it is broken');
    };
    // Short only where it is waited for: the others would run into it on a busy machine.
    const timeoutMs = error === 'upstream_timeout' ? '5000' : '20000';
    const gateway = await upstreamGateway(fn, {
      UPSTREAM_MAX_ATTEMPTS: '1',
      UPSTREAM_TIMEOUT_MS: timeoutMs,
      // What tells the function of the session would fail, too, and be counted, sooner or later.
      UPSTREAM_LIFECYCLE_FUNCTION: 'none',
    });
    const device = await gateway.verified('unlucky', FEATURES);
    device.send(1500, { ref: 'x' }, 3);
    await device.receives(111, refusal(error, 'x'), 3);
    expect(await gateway.metric(`fronttcp_upstream_failures_total{failure="${error}"}`)).toBe(1);
    // Not the device's mistake: the connection stays, and the next one is served.
    fn.fault = undefined;
    fn.answer = () => ({ reply: { fine: true } });
    device.send(1500, { ref: 'y' });
    await device.receives(2500, { fine: true, ref: 'y' });
  });

  it('tries again by itself what Lambda throttled once', async () => {
    const fn = await testFunction();
    fn.fault = () => (fn.invocations === 1 ? THROTTLED : undefined);
    const gateway = await upstreamGateway(fn, { UPSTREAM_LIFECYCLE_FUNCTION: 'none' });
    const device = await gateway.verified('lucky', FEATURES);
    device.send(1500, { ref: 1 });
    await device.receives(2500, { ok: true, ref: 1 });
    expect(fn.invocations).toBe(2);
  });

  it('drops a reply that comes too late', async () => {
    const fn = await testFunction();
    const late = Promise.withResolvers<void>();
    fn.fault = () => ({ kind: 'late', until: late.promise });
    const gateway = await upstreamGateway(fn, { UPSTREAM_TIMEOUT_MS: '5000', UPSTREAM_LIFECYCLE_FUNCTION: 'none' });
    const device = await gateway.verified('late', FEATURES);
    device.send(1500, { ref: 1 });
    await device.receives(111, refusal('upstream_timeout', 1));
    fn.fault = undefined;
    late.resolve();
    device.send(1501, { ref: 2 });
    await device.receives(2501, { ok: true, ref: 2 });
    device.hasNothingMore();
  });

  it('keeps its deadline and its bounds when the function is overrun and hangs', async () => {
    const fn = await testFunction();
    const gate = Promise.withResolvers<void>();
    fn.answer = async () => {
      const number = fn.requests.length;
      await gate.promise;
      // Every other request never ends: soon these have all places.
      if (number % 2 === 0) await new Promise(() => undefined);
      return {};
    };
    const timeoutMs = 10_000;
    const env = { UPSTREAM_MAX_IN_FLIGHT: '4', UPSTREAM_MAX_WAITING: '60', UPSTREAM_TIMEOUT_MS: `${timeoutMs}` };
    const gateway = await upstreamGateway(fn, { ...env, UPSTREAM_LIFECYCLE_FUNCTION: 'none' });
    const devices = await Promise.all(upTo(20).map((i) => gateway.verified(`load${i}`, FEATURES)));
    const answers = () => devices.flatMap(({ frames }) => frames.slice(1)).map(({ body }) => body as Answer);
    const count = (error: string | undefined) => answers().filter((answer) => answer.error === error).length;
    const elapsedMs = stopwatch();
    for (const n of upTo(5)) for (const device of devices) device.send(1500, { ref: n });
    await until('those without a place are refused', () => count('upstream_full') === 36);
    await until('four are with the function', () => fn.requests.length >= 4);
    gate.resolve();
    await until('all are answered', () => answers().length === 100, { timeoutMs: 5 * timeoutMs });
    // One after the other, those that never end would take many times as long.
    expect(elapsedMs()).toBeLessThan(1.5 * timeoutMs);
    expect(count('upstream_full')).toBe(36);
    expect(count(undefined)).toBeGreaterThanOrEqual(2);
    expect(count('upstream_timeout')).toBe(64 - count(undefined));
    for (const { frames } of devices) {
      expect(
        frames
          .slice(1)
          .map(({ body }) => (body as Answer).ref)
          .toSorted(),
      ).toEqual(upTo(5));
    }
    await until('nothing is open', async () => (await gateway.metric('fronttcp_upstream_requests_open')) === 0);
  });

  it('keeps one session from taking all places', async () => {
    const fn = await testFunction();
    const gate = Promise.withResolvers<void>();
    fn.answer = () => gate.promise;
    const gateway = await upstreamGateway(fn);
    const device = await gateway.verified('greedy', FEATURES);
    for (const n of upTo(33)) device.send(1500, { ref: n });
    await device.receives(111, refusal('upstream_full', 33));
    const other = await gateway.verified('modest', FEATURES);
    gate.resolve();
    other.send(1500, { ref: 1 });
    await other.receives(2500, { ref: 1 });
    for (const n of upTo(32)) await device.receives(2500, { ref: n });
  });

  it.each([
    ['not an object', '7'],
    ['another form', '{"answer": 1}'],
    ['a reply that is no object', '{"reply": []}'],
    ['a reply with a reserved member', '{"reply": {"ref": 1}}'],
    ['a command that nobody may send', '{"send": [{"command_id": 101, "chat_to": "x", "content": {}}]}'],
    ['a reply larger than a frame', JSON.stringify({ reply: { text: 'x'.repeat(70_000) } })],
  ])('ignores a reply that is %s', async (_, text) => {
    const fn = await testFunction();
    fn.answer = () => JSON.parse(text) as unknown;
    const gateway = await upstreamGateway(fn);
    const device = await gateway.verified('strict', FEATURES);
    device.send(1500, { ref: 1 });
    await device.receives(111, refusal('upstream_failed', 1));
  });

  it('keeps to the largest frame that the device takes, and to MAX_FRAME_BYTES where it sends no reply', async () => {
    const fn = await testFunction();
    const send = [{ command_id: 102, chat_to: 'witness', content: 'it ran' }];
    fn.answer = ({ item }) => ({ reply: { text: 'x'.repeat(item.command_id === 1500 ? 300 : 200) }, send });
    const gateway = await upstreamGateway(fn);
    const witness = await gateway.verified('witness');
    const [small, plain] = [await gateway.peer(), await gateway.peer()];
    await gateway.users('small', 'plain');
    const limited = (user: string) => ({ phone_number: user, token: `token of ${user}`, max_frame_bytes: 256 });
    small.send(1, { ...limited('small'), features: FEATURES });
    await small.receives(101);
    small.send(1500, { ref: 1 });
    await small.receives(111, refusal('upstream_failed', 1));
    small.send(1501, { ref: 2 });
    await small.receives(2501, { text: 'x'.repeat(200), ref: 2 });
    plain.send(1, limited('plain'));
    await plain.receives(101);
    plain.send(1500, {});
    for (const _ of upTo(2)) await witness.receives(102);
    await until('both are counted', async () => (await gateway.metric('fronttcp_upstream_commands_sent_total')) === 2);
    plain.hasNothingMore();
  });

  it.each([
    ['a group that does not exist', { command_id: 2100, chat_to: { group: 'none' }, content: {} }],
    ['a user who is not connected', { command_id: 102, chat_to: 'absent', content: 'x', if_away: 'fail' }],
    ['anybody at a time that is over', { command_id: 102, chat_to: 'absent', content: 'x', not_before: 1 }],
  ])('fails when the store refuses to send to %s, and counts and sends the others', async (_, command) => {
    const fn = await testFunction();
    fn.answer = () => ({ send: [command, { command_id: 102, chat_to: 'witness', content: 'sent' }] });
    const gateway = await upstreamGateway(fn);
    await gateway.users('absent');
    const witness = await gateway.verified('witness');
    const device = await gateway.verified('pusher', FEATURES);
    device.send(1500, { ref: 1 });
    await device.receives(111, refusal('upstream_failed', 1));
    await witness.receives(102);
    expect(await gateway.metric('fronttcp_upstream_commands_sent_total')).toBe(1);
    expect(await gateway.mailbox('absent')).toEqual([]);
  });

  it("sends the function's messages to others, stored for offline ones, before the reply", async () => {
    const fn = await testFunction();
    fn.answer = ({ item }) => ({
      reply: { done: true },
      send: [
        { command_id: 2100, chat_to: ['witness', 'absent'], content: { from: item.user } },
        { command_id: 102, chat_to: 'witness', content: 'look' },
      ],
    });
    const gateway = await upstreamGateway(fn, { UPSTREAM_FROM: 'cloud' });
    await gateway.users('absent');
    const witness = await gateway.verified('witness', ['pong']);
    const device = await gateway.verified('pusher', FEATURES);
    device.send(1500, { ref: 1 });
    await device.receives(2500, { done: true, ref: 1 });
    expect(await gateway.mailbox('absent')).toHaveLength(1);
    await witness.receives(2100, { from: 'pusher' }, 1100);
    await witness.receives(102, '{"chat_from": "cloud", "chat_content": "look"}', 1100);
    const absent = await gateway.verified('absent', ['pong']);
    await absent.receives(2100, { from: 'pusher' });
  });

  it('runs for a device that left, and for a plain one, without a reply', async () => {
    const fn = await testFunction();
    const gate = Promise.withResolvers<void>();
    fn.answer = async () => {
      await gate.promise;
      return { send: [{ command_id: 102, chat_to: 'witness', content: 'it ran' }] };
    };
    const gateway = await upstreamGateway(fn);
    const witness = await gateway.verified('witness');
    const plain = await gateway.verified('plain');
    const leaver = await gateway.verified('leaver', FEATURES);
    plain.send(1500, {});
    leaver.send(1500, { ref: 1 });
    await until('both run', () => fn.requests.length === 2);
    // A client that only ends its sending side still gets its answers: this one is gone.
    leaver.socket.destroy();
    gate.resolve();
    for (const _ of upTo(2)) await witness.receives(102, '{"chat_from": "upstream", "chat_content": "it ran"}');
    plain.hasNothingMore();
  });
});
