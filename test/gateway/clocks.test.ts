import { afterEach, expect, test, vi } from 'vitest';
import { holdLease } from '../../contract/store/scripts/gateways.ts';
import { claimSessions, disconnectUser } from '../../contract/store/scripts/sessions.ts';
import { ServerCommand } from '../../contract/wire/command-ids.ts';
import { chat, entry, gateway, type TestGateway } from '../kit/gateway.ts';
import { until } from '../kit/until.ts';

const HOUR_MS = 3_600_000;
/** Short, so that a renewal comes soon. For tests that may lose the lease: a stall of a second does it. */
const QUICK = { LEASE_MS: '1500' };

afterEach(() => {
  vi.useRealTimers();
});

/** The wall clock of this process alone; monotonic clocks and timers go on. */
function setWallClock(aheadMs: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + aheadMs });
}

const redis = ({ redis: port, keys }: TestGateway) => ({
  get: async (key: string) => Number(await port.command('GET', key)),
  set: (key: string, value: number) => port.command('SET', key, value),
  idKey: `${keys.prefix}message_id`,
  leaseOf: async (id: string) => Number(await port.command('ZSCORE', keys.gateways, id)),
  setLease: (id: string, atMs: number) => port.command('ZADD', keys.gateways, atMs, id),
});

async function rejoined(g: TestGateway, previous: string): Promise<void> {
  await until('the gateway has joined under a new id', () => g.running.id !== previous, { timeoutMs: 20_000 });
}

test.each(['kicked', 'logged_out'] as const)(
  'a session that is %s while its gateway is cut off does not come back',
  async (reason) => {
    const g = await gateway(QUICK);
    const victim = await g.verified('victim');
    const bystander = await g.verified('bystander');
    const previous = g.running.id;
    // What others see of a gateway that is cut off: its lease has run out. In one write: it joins again with its next renewal.
    const [, kicked] = await Promise.all([
      redis(g).setLease(previous, 1),
      disconnectUser(g.redis, g.keys, 'victim', { reason, revoke: reason === 'logged_out' }),
    ]);
    expect(kicked).toBe('offline');
    await rejoined(g, previous);
    await victim.isClosedSilently();
    await g.push(entry('for the bystander', ['bystander']));
    await bystander.receives(102, chat('p', 'for the bystander'));
    expect(await g.redis.command('HGET', g.keys.user('victim'), 'gateway')).toBeNull();
  },
);

test('a session that was claimed elsewhere while the gateway was cut off is not taken back', async () => {
  const g = await gateway(QUICK);
  const older = await g.verified('moves');
  const previous = g.running.id;
  const { setLease } = redis(g);
  await setLease('g-other', Date.now() + 60_000);
  const proof = { tokenField: 'token of moves' };
  const other = { gatewayId: 'g-other', highestId: 0 };
  const [, claimed] = await Promise.all([
    setLease(previous, 1),
    claimSessions(g.redis, g.keys, other, 60, [{ userId: 'moves', form: 'ack', proof }]),
  ]);
  expect(claimed).toMatchObject([{ status: 'claimed' }]);
  await rejoined(g, previous);
  await older.isClosedSilently();
  expect(await g.redis.command('HGET', g.keys.user('moves'), 'gateway')).toBe('g-other');
});

test('a store that has forgotten message ids: new ones go on above those that were seen, and are delivered', async () => {
  const g = await gateway(QUICK);
  const { get, set, idKey } = redis(g);
  const ahead = (Date.now() + HOUR_MS) * 1_024;
  // The server before had a clock that was an hour ahead; the one that is promoted has not, and lacks the last writes.
  await set(idKey, ahead);
  const client = await g.verified('ordered', ['ack']);
  await g.push(entry('before', ['ordered']));
  const before = (await client.receives(102)).body as { id: string };
  expect(Number(before.id)).toBeGreaterThan(ahead);
  const previous = g.running.id;
  // Again and again: any other call that brings the highest id would hide from the renewal that it was forgotten.
  await until('the gateway has joined under a new id', async () => {
    await set(idKey, Date.now() * 1_024);
    return g.running.id !== previous;
  });
  await until('ids go on above', async () => (await get(idKey)) >= Number(before.id));
  await g.push(entry('after', ['ordered']));
  for (;;) {
    const frame = (await client.receives(102)).body as { id: string; chat_content: string };
    // What was not acknowledged comes again, with its id.
    if (frame.id === before.id) continue;
    expect(frame.chat_content).toBe('after');
    expect(Number(frame.id)).toBeGreaterThan(Number(before.id));
    break;
  }
  expect(client.isClosed).toBe(false);
});

test('a gateway whose clock is 90 s ahead does not drop a message that may live for 60 s', async () => {
  setWallClock(90_000);
  const g = await gateway();
  const client = await g.verified('late clock');
  await g.route({ to: ['late clock'], ttlSeconds: 60, body: '{"chat_from": "op", "chat_content": "in time"}' });
  await client.receives(102, chat('op', 'in time'));
});

test('a machine that was suspended for longer than the lease gives it up before it delivers anything', async () => {
  const g = await gateway();
  const client = await g.verified('sleeper');
  const previous = g.running.id;
  expect(await g.metric('fronttcp_lease_losses_total')).toBe(0);
  // Its monotonic clock stood still meanwhile; the wall clock tells.
  setWallClock(11_000);
  await g.push(entry('while it slept', ['sleeper']));
  await rejoined(g, previous);
  await client.receives(102, chat('p', 'while it slept'));
  expect(await g.metric('fronttcp_lease_losses_total')).toBe(1);
  expect(client.isClosed).toBe(false);
});

test("Redis's clock is set an hour ahead: the leases follow it, and what came meanwhile is delivered", async () => {
  const g = await gateway();
  const client = await g.verified('here');
  const { id } = g.running;
  const { leaseOf } = redis(g);
  const { gateways } = g.keys;
  // Seen from the clock that was set, all that was written before is an hour older. In one write: no renewal comes between.
  await Promise.all([
    g.redis.command('ZADD', gateways, Date.now() - 1 - HOUR_MS, 'g-dead'),
    g.redis.command('ZINCRBY', gateways, -HOUR_MS, id),
    g.redis.command('HINCRBY', g.keys.gateway(id), 'renewed_at', -HOUR_MS),
  ]);
  await g.route({ to: ['here'], body: '{"chat_from": "op", "chat_content": "passed by"}' });
  await client.receives(102, chat('op', 'passed by'));
  expect(g.running.id).toBe(id);
  expect(await leaseOf(id)).toBeGreaterThan(Date.now());
  expect(await leaseOf('g-dead')).toBeLessThan(Date.now());
  expect(await g.metric('fronttcp_lease_losses_total')).toBe(0);
});

test("Redis's clock is set an hour ahead: what came meanwhile is delivered ahead of what comes when another gateway noticed", async () => {
  const g = await gateway({ LEASE_MS: '30000' });
  const client = await g.verified('here');
  const { id } = g.running;
  const { leaseOf, setLease } = redis(g);
  await setLease(id, (await leaseOf(id)) - HOUR_MS);
  await setLease('g-other', Date.now() + 20_000 - HOUR_MS);
  await g.redis.command('HSET', g.keys.gateway('g-other'), 'renewed_at', Date.now() - HOUR_MS);
  await g.route({ to: ['here'], body: '{"chat_from": "op", "chat_content": "passed by"}' });
  const renewal = { gatewayId: 'g-other', leaseMs: 30_000, highestId: 0, sinceLastMs: 1, fields: {} };
  await Promise.all([
    holdLease(g.redis, g.keys, renewal),
    g.route({ to: ['here'], body: '{"chat_from": "op", "chat_content": "after it"}' }),
  ]);
  await client.receives(102, chat('op', 'passed by'));
  await client.receives(102, chat('op', 'after it'));
});

test("Redis's clock is set an hour back: a lease that was given since then is not taken for an older one", async () => {
  const g = await gateway({ LEASE_MS: '30000' });
  const { leaseOf, setLease } = redis(g);
  const lease = await leaseOf(g.running.id);
  await setLease('g-older', Date.now() + HOUR_MS + 20_000);
  await g.redis.command('HSET', g.keys.gateway('g-older'), 'renewed_at', Date.now() + HOUR_MS);
  const renewal = { gatewayId: 'g-older', leaseMs: 30_000, highestId: 0, sinceLastMs: 1, fields: {} };
  expect(await holdLease(g.redis, g.keys, renewal)).toMatchObject({ dead: [] });
  expect(await leaseOf(g.running.id)).toBe(lease);
});

test('what Redis stored for a session that is here comes ahead of what goes to it directly', async () => {
  const g = await gateway({ LEASE_MS: '30000' });
  const client = await g.verified('here');
  const sender = await g.verified('sender', ['receipts']);
  // As after a step of Redis's clock, which this gateway has not noticed yet: its lease looks over.
  await redis(g).setLease(g.running.id, Date.now() - 1);
  sender.send(2, { chat_to: 'here', chat_content: 'through Redis', ref: 1 });
  await sender.receives(ServerCommand.accepted);
  sender.send(2, { chat_to: 'here', chat_content: 'directly' });
  await client.receives(102, chat('sender', 'through Redis'));
  await client.receives(102, chat('sender', 'directly'));
});

test('a message to somebody else who is away brings nobody a message again', async () => {
  const g = await gateway();
  const here = await g.verified('here', ['ack']);
  const sender = await g.verified('sender');
  await g.users('away');
  for (const chat_content of ['first', 'second', 'third']) {
    sender.send(3, { chat_to: ['here', 'away'], chat_content });
    await here.receives(103, expect.objectContaining(chat('sender', chat_content)));
  }
});

test("Redis's clock is set an hour back: a dead gateway is buried when its lease would have ended, not an hour later", async () => {
  const g = await gateway(QUICK);
  const client = await g.verified('lives');
  const { setLease, leaseOf } = redis(g);
  await setLease('g-dead', Date.now() + HOUR_MS);
  await setLease(g.running.id, (await leaseOf(g.running.id)) + HOUR_MS);
  await until('it is buried', async () => (await leaseOf('g-dead')) === 0);
  expect(await leaseOf(g.running.id)).toBeLessThan(Date.now() + HOUR_MS / 2);
  await g.push(entry('goes on', ['lives']));
  await client.receives(102, chat('p', 'goes on'));
});
