import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { gateway, startTestGateway, type TestGateway } from '../kit/gateway.ts';
import { frameBytes, type Peer } from '../kit/peer.ts';
import { startTestRedis, type TestRedis } from '../kit/redis.ts';
import { scanKeys } from '../kit/scan-keys.ts';
import { until } from '../kit/until.ts';
import { testFunction, upstreamGateway } from '../upstream/support/test-function.ts';

let g: TestGateway;
beforeAll(async () => {
  g = await startTestGateway({ MAX_ROUTED_WORK_PER_S: '0' });
});
afterAll(() => g.stop());

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

async function memoryOf(prefix: string): Promise<number> {
  const keys = await scanKeys(g.redis, `${g.keys.prefix}${prefix}`);
  const sizes = (await g.redis.pipeline(keys.map((key) => ['MEMORY', 'USAGE', key]))) as number[];
  return sizes.reduce((sum, size) => sum + size, 0);
}

test('row 1: 256 group frames of 1,000 recipients in one write are routed in bounded calls, and others go on', async () => {
  const sender = await g.verified('r1', ['receipts', 'errors']);
  const other = await g.verified('r1-other', ['receipts']);
  const to = names('nobody-', 1_000);
  const frame = (ref: number) => frameBytes(3, { chat_to: to, chat_content: 'x', ref });
  sender.sendBytes(...Array.from({ length: 256 }, (_, ref) => frame(ref)));
  other.send(2, { chat_to: 'r1-other', chat_content: 'meanwhile', ref: 'o' });
  await until('the other one is routed', () => other.frames.some(({ commandId }) => commandId === 110));
  await until('all are routed', () => sender.frames.filter(({ commandId }) => commandId === 110).length === 256);
  expect(await g.metric('fronttcp_route_failures_total')).toBe(0);
  expect(await g.health('/readyz')).toBe(200);
});

test('row 1: a command that the store refuses fails alone; the rest of its batch is routed', async () => {
  await g.users('r1-broken', 'r1-fine');
  const sender = await g.verified('r1b', ['receipts', 'errors']);
  const plain = await g.verified('r1-plain');
  const refs = (commandId: number) =>
    sender.frames.filter((frame) => frame.commandId === commandId).map(({ body }) => (body as { ref: string }).ref);
  // A live gateway whose inbox is of another type: every call with a message for it fails.
  await g.redis.command('ZADD', g.keys.gateways, Date.now() + 600_000, 'broken');
  await g.redis.command('SET', g.keys.inbox('broken'), 'no stream');
  await g.redis.command('HSET', g.keys.user('r1-broken'), 'gateway', 'broken', 'epoch', 1, 'form', 'plain');
  const single = (to: string, ref: string) => frameBytes(2, { chat_to: to, chat_content: 'x', ref });
  sender.sendBytes(single('r1-fine', 'before'), single('r1-broken', 'at fault'), single('r1-fine', 'behind'));
  await until('the others are routed', () => refs(110).includes('behind'));
  expect(refs(110)).toEqual(['before', 'behind']);
  expect(refs(111)).toEqual(['at fault']);
  plain.send(2, { chat_to: 'r1-broken', chat_content: 'has no ref' });
  const dead = () => g.redis.command('LRANGE', g.keys.queueDead, 0, -1) as Promise<string[]>;
  await until('it is a dead letter', async () => (await dead()).length === 1);
  const [letter = ''] = await dead();
  expect(JSON.parse(letter)).toMatchObject({ reason: expect.stringContaining('WRONGTYPE') });
  expect(JSON.parse(JSON.parse(letter).entry)).toEqual({
    command_id: 102,
    chat_from: 'r1-plain',
    chat_to: ['r1-broken'],
    chat_content: 'has no ref',
  });
  expect(await g.metric('fronttcp_routes_refused_total')).toBe(2);
  await g.redis.command('ZREM', g.keys.gateways, 'broken');
});

test('row 2: group frames of 60 KB to 1,000 absent users store each body once', async () => {
  const to = names('r2-', 1_000);
  await g.users(...to);
  const sender = await g.verified('r2', ['receipts']);
  const text = 'x'.repeat(45_000);
  sender.sendBytes(...names('', 20).map((ref) => frameBytes(3, { chat_to: to, chat_content: `${ref} ${text}`, ref })));
  await until('all are routed', () => sender.frames.filter(({ commandId }) => commandId === 110).length === 20);
  expect((await g.mailbox('r2-7')).length).toBe(20);
  expect((await memoryOf('mailbox*:r2-*')) + (await memoryOf('body:*'))).toBeLessThan(20_000_000);
  const reader = await g.verified('r2-7', ['ack']);
  await until('it has all', () => reader.frames.filter(({ commandId }) => commandId === 103).length === 20);
  const [first] = reader.frames.filter(({ commandId }) => commandId === 103);
  expect(first?.body).toMatchObject({ chat_from: 'r2', chat_content: `0 ${text}` });
});

test('row 2: a shared body is deleted when the last mailbox has released it', async () => {
  await g.users('r2b-0', 'r2b-1');
  const sender = await g.verified('r2b', ['receipts']);
  sender.send(3, { chat_to: ['r2b-0', 'r2b-1'], chat_content: 'y'.repeat(5_000), ref: 1 });
  const { id } = (await sender.receives(110)).body as { id: string };
  expect(await g.redis.command('HGET', g.keys.body(id), 'n')).toBe('2');
  for (const user of ['r2b-0', 'r2b-1']) {
    const reader = await g.verified(user);
    await reader.receives(103);
    await until('it is taken out', async () => (await g.mailbox(user)).length === 0);
    expect(await g.redis.command('EXISTS', g.keys.mailboxBytes(user))).toBe(0);
  }
  expect(await g.redis.command('EXISTS', g.keys.body(id))).toBe(0);
});

test("row 2: recipients and bytes count against a sender's budget: over it the socket is paused, and nothing is dropped", async () => {
  const paid = await gateway({ MAX_ROUTED_WORK_PER_S: '1000' });
  const sender = await paid.verified('payer', ['receipts']);
  const startedAt = performance.now();
  for (let ref = 0; ref < 4; ref += 1) sender.send(3, { chat_to: names('n', 1_000), chat_content: 'x', ref });
  await until('all are routed', () => sender.frames.filter(({ commandId }) => commandId === 110).length === 4);
  expect(performance.now() - startedAt).toBeGreaterThan(900);
  expect(await paid.metric('fronttcp_throttled_total')).toBeGreaterThan(0);
});

test("row 2: what is for the upstream function counts against its sender's budget, too", async () => {
  const paid = await upstreamGateway(await testFunction(), { MAX_ROUTED_WORK_PER_S: '1000' });
  const sender = await paid.verified('payer', ['receipts']);
  const startedAt = performance.now();
  // 300 units each, in two bytes a character.
  for (let ref = 0; ref < 10; ref += 1) sender.send(1000, { ref, text: 'ü'.repeat(30_000) });
  await until('all are accepted', () => sender.frames.filter(({ commandId }) => commandId === 110).length === 10);
  expect(performance.now() - startedAt).toBeGreaterThan(400);
  expect(await paid.metric('fronttcp_throttled_total')).toBeGreaterThan(0);
});

test('row 6: a frame 6 with more than 256 ids is malformed, and none of them is taken', async () => {
  await g.users('r6');
  await g.push({ command_id: 102, chat_from: 'p', chat_to: ['r6'], chat_content: 'keep' });
  await until('it is stored', async () => (await g.mailbox('r6')).length === 1);
  const client = await g.verified('r6', ['ack', 'errors']);
  const { id } = (await client.receives(102)).body as { id: string };
  client.send(6, { ids: [id, ...Array.from({ length: 256 }, (_, i) => `${i + 1}`)] });
  await client.receives(111, expect.objectContaining({ error: 'malformed' }));
  expect(await g.mailbox('r6')).toHaveLength(1);
  client.send(6, { ids: [id, ...Array.from({ length: 255 }, (_, i) => `${i + 1}`)] });
  await until('it is taken', async () => (await g.mailbox('r6')).length === 0);
});

test('row 8 and 6: while Redis stands still, frames of clients are bounded in memory, and their sockets wait', async () => {
  const redis: TestRedis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const still = await gateway(
    { ROUTE_QUEUE_MAX_BYTES: '4000000', MAX_ROUTED_WORK_PER_S: '0' },
    { redisUrl: redis.url },
  );
  const senders = await Promise.all(names('s', 12).map((name) => still.verified(name, ['receipts', 'ack'])));
  await still.users('absent');
  await redis.kill('SIGSTOP');
  const text = 'x'.repeat(60_000);
  const acks = frameBytes(6, { ids: Array.from({ length: 256 }, (_, i) => `${i + 1_000_000_000_000_000}`) });
  for (const sender of senders) {
    for (let ref = 0; ref < 24; ref += 1) sender.send(2, { chat_to: 'absent', chat_content: text, ref });
    for (let n = 0; n < 150; n += 1) sender.sendBytes(acks);
  }
  let before = -1;
  await until(
    'nothing more is read',
    async () => {
      const now = await still.metric('fronttcp_bytes_received_total');
      const isStill = now === before && now > 0;
      before = now;
      return isStill;
    },
    { everyMs: 200 },
  );
  // Two senders' bound, or all of them together with a frame of each.
  expect(await still.metric('fronttcp_route_queue_bytes')).toBeLessThan(4_000_000 + 12 * 65_536);
  expect(before).toBeLessThan(16_000_000);
  await redis.kill('SIGCONT');
  const routed = () => senders.every(({ frames }) => frames.filter(({ commandId }) => commandId === 110).length === 24);
  await until('nothing was dropped', routed);
});

test('the group frames of one client delay what others send by one of them, no matter how many wait', async () => {
  const redis: TestRedis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const still = await gateway({ MAX_ROUTED_WORK_PER_S: '0' }, { redisUrl: redis.url });
  const flood = await still.verified('flood', ['receipts']);
  const others = await Promise.all(names('other-', 5).map((name) => still.verified(name, ['receipts'])));
  await still.users('absent');
  const accepted = ({ frames }: Peer) =>
    frames.filter(({ commandId }) => commandId === 110).map(({ body }) => body as { ref: number; id: string });
  const waiting = async (max: number) => (await still.metric('fronttcp_route_queue_bytes')) > max;
  await redis.kill('SIGSTOP');
  const to = names('nobody-', 1_000);
  for (let ref = 0; ref < 30; ref += 1) flood.send(3, { chat_to: to, chat_content: 'x'.repeat(100), ref });
  await until('the group frames wait', () => waiting(30 * 32_000));
  const before = await still.metric('fronttcp_route_queue_bytes');
  for (const other of others) {
    for (let ref = 0; ref < 5; ref += 1) other.send(2, { chat_to: 'absent', chat_content: 'x', ref });
  }
  await until('the others wait, too', () => waiting(before + 25 * 256));
  await redis.kill('SIGCONT');
  await until('all are routed', () =>
    [flood, ...others].every((peer) => accepted(peer).length === (peer === flood ? 30 : 5)),
  );
  const lastOfOthers = Math.max(...others.flatMap(accepted).map(({ id }) => Number(id)));
  // Those of the call that was with Redis already, and one.
  expect(accepted(flood).filter(({ id }) => Number(id) < lastOfOthers).length).toBeLessThanOrEqual(4);
  for (const peer of [flood, ...others]) {
    const ids = accepted(peer)
      .sort((a, b) => a.ref - b.ref)
      .map(({ id }) => Number(id));
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  }
});

test('a call reserves ids for as many direct messages as a mailbox takes, no matter how many went before it', async () => {
  const sender = await g.verified('direct-sender', ['receipts']);
  const receiver = await g.verified('direct-receiver');
  // Above the clock, ids have no other reason to leave any out.
  const ahead = (Date.now() + 3_600_000) * 1_024;
  await g.redis.command('SET', `${g.keys.prefix}message_id`, String(ahead));
  const single = (ref?: string) => frameBytes(2, { chat_to: 'direct-receiver', chat_content: 'x', ref });
  sender.sendBytes(...Array.from({ length: 3_000 }, () => single()), single('behind'));
  const { body } = await sender.receives(110);
  expect(Number((body as { id: string }).id)).toBe(ahead + 1_000 + 1);
  await until('all have come', () => receiver.frames.filter(({ commandId }) => commandId === 102).length === 3_001);
  await g.redis.command('DEL', `${g.keys.prefix}message_id`);
});
