import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { gateway, type TestGateway } from '../kit/gateway.ts';
import { holdInboxes, releaseInboxes } from '../kit/hold-inboxes.ts';
import type { Peer } from '../kit/peer.ts';
import { startTestRedis, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

/** A broadcast of a plain client goes directly to the sessions of its own gateway, and through Redis to the others. */
async function twoGateways() {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  const place = { redisUrl: server.url, prefix: uniquePrefix() };
  const here = await gateway({}, place);
  const elsewhere = await gateway({}, place);
  const admin = new Redis(server.url);
  onTestFinished(() => admin.disconnect());
  // A store that is full takes no new user.
  await here.users('u', 'other', 'witness');
  const sender = await here.verified('sender');
  const everyone = (content: string) => sender.send(4, { chat_content: content });
  return { here, elsewhere, admin, everyone, ...storeThatFills(admin) };
}

async function stay(g: TestGateway, userId: string): Promise<Peer> {
  const peer = await g.peer();
  await peer.verify(userId);
  return peer;
}

/** While it is full, commands of clients wait in their gateways; sessions begin and end. */
function storeThatFills(admin: Redis) {
  return {
    fill: async () => {
      await admin.config('SET', 'maxmemory-policy', 'noeviction');
      await admin.config('SET', 'maxmemory', '1');
    },
    makeRoom: () => admin.config('SET', 'maxmemory', '0'),
  };
}

const broadcastsOf = (...peers: readonly Peer[]): string[] =>
  peers.flatMap(({ frames }) =>
    frames.filter(({ commandId }) => commandId === 104).map(({ text }) => JSON.parse(text).chat_content),
  );

/** All that was sent to everyone before has come, or never will. */
async function settled(gateways: readonly TestGateway[], everyone: (content: string) => void, ...peers: Peer[]) {
  const routed = async () =>
    (await Promise.all(gateways.map((g) => g.metric('fronttcp_route_queue_bytes')))).every((bytes) => bytes === 0);
  await until('all is routed', routed);
  everyone('the last');
  await until('the last has come', () => peers.every((peer) => broadcastsOf(peer).includes('the last')));
}

async function isOffline({ redis, keys }: TestGateway, userId: string): Promise<boolean> {
  return (await redis.command('HGET', keys.user(userId), 'gateway')) === null;
}

test('a broadcast that the older connection was given does not come again on the newer one', async () => {
  const { here, elsewhere, admin, everyone } = await twoGateways();
  const older = await stay(here, 'u');
  await holdInboxes(admin);
  const newer = await stay(elsewhere, 'u');
  everyone('to the older');
  await until('it has come', () => broadcastsOf(older).length === 1);
  await until(
    'it is on its way to the newer',
    async () => (await admin.xlen(elsewhere.keys.inbox(elsewhere.running.id))) > 0,
  );
  await releaseInboxes(admin);
  await older.ended();
  await settled([here], everyone, newer);
  expect(broadcastsOf(older, newer)).toEqual(['to the older', 'the last']);
});

test('nor does it when Redis has it only after the user has left and come again elsewhere', async () => {
  const { here, elsewhere, everyone, fill, makeRoom } = await twoGateways();
  const before = await stay(here, 'u');
  const other = await stay(elsewhere, 'other');
  await fill();
  everyone('early');
  await until('it has come', () => broadcastsOf(before).length === 1);
  await before.leave();
  await until('the user is offline', () => isOffline(here, 'u'));
  const between = await stay(elsewhere, 'u');
  await between.leave();
  await until('the user is offline', () => isOffline(here, 'u'));
  const after = await stay(elsewhere, 'u');
  await makeRoom();
  await settled([here], everyone, after, other);
  expect(broadcastsOf(before, between, after)).toEqual(['early', 'the last']);
  expect(broadcastsOf(other)).toEqual(['early', 'the last']);
});

test('a broadcast from before the stay on its gateway comes where the user is', async () => {
  const { here, elsewhere, everyone, fill, makeRoom } = await twoGateways();
  const witness = await stay(here, 'witness');
  const before = await stay(elsewhere, 'u');
  await fill();
  everyone('early');
  await until('it is accepted', () => broadcastsOf(witness).length === 1);
  await before.leave();
  await until('the user is offline', () => isOffline(here, 'u'));
  const between = await stay(here, 'u');
  everyone('during the stay');
  await until('it has come', () => broadcastsOf(between).length === 1);
  await between.leave();
  await until('the user is offline', () => isOffline(here, 'u'));
  const after = await stay(elsewhere, 'u');
  await makeRoom();
  await settled([here], everyone, after);
  expect(broadcastsOf(before, between)).toEqual(['during the stay']);
  expect(broadcastsOf(after)).toEqual(['early', 'the last']);
});
