import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseInboxRecord, parseMailboxMember } from '../../contract/store/records.ts';
import { type DrainResult, drainQueue } from '../../contract/store/scripts/drain-queue.ts';
import { buryGateway } from '../../contract/store/scripts/gateways.ts';
import { routeCommands } from '../../contract/store/scripts/route.ts';
import { cancelCommands } from '../../contract/store/scripts/schedule.ts';
import { sweepMailboxes } from '../../contract/store/scripts/sweep.ts';
import { adoptUnread } from '../../contract/store/scripts/unread.ts';
import { withdrawCommands } from '../../contract/store/scripts/withdraw.ts';
import { STEP_WORK } from '../../contract/store/work.ts';
import { connectRedis } from '../../gateway/store/redis.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { silentLog } from '../kit/gateway.ts';
import { sharedRedisUrl } from '../kit/redis.ts';
import { message, openStore, type Store } from '../store/ports.ts';

// In a test build a step that does more work than twice its bound fails (vitest.config.ts): steps are counted here, not timed.
const bounds = { offlineTtlSeconds: 600, mailboxMax: 1_000, mailboxMaxBytes: 1_048_576, highestId: 0 };

let store: Store;
beforeAll(async () => {
  const opened = await openStore('ioredis');
  // With the time-outs of a gateway, which makes most of these calls: a step may wait for a busy machine.
  const config = {
    url: sharedRedisUrl(),
    cluster: false,
    keyPrefix: opened.keys.prefix,
    username: undefined,
    password: undefined,
  };
  const port = connectRedis(config, silentLog);
  const stop = async () => void (await Promise.all([port.close(), opened.stop()]));
  store = { ...opened, port, stop };
});
afterAll(() => store.stop());

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

async function addUsers(users: readonly string[], fields: Record<string, string | number> = {}): Promise<void> {
  const pipeline = store.redis.pipeline();
  for (const user of users) pipeline.hset(store.keys.user(user), { token: 't', ...fields });
  await pipeline.exec();
}

const live = (gateway: string) => store.redis.zadd(store.keys.gateways, Date.now() + 600_000, gateway);
const online = (gateway: string) => ({ gateway, epoch: 1, form: 'plain' });
const mailbox = async (user: string) =>
  (await store.redis.zrange(store.keys.mailbox(user), '0', '-1')).map(parseMailboxMember);

test('row 4: a gateway dies with group messages in its inbox: each step of the burial is short, and goes on inside an entry', async () => {
  const users = names('r4-', 400);
  await addUsers(users, online('r4'));
  await store.redis.sadd(store.keys.sessions('r4'), ...users);
  await live('r4');
  const body = (i: number) => `{"chat_from": "op", "chat_content": "${i} ${'x'.repeat(400)}"}`;
  const commands = Array.from({ length: 100 }, (_, i) => message(users, { commandId: 103, body: body(i) }));
  for (let from = 0; from < 100; from += 4) {
    await routeCommands(store.port, store.keys, commands.slice(from, from + 4), bounds);
  }
  await store.redis.zadd(store.keys.gateways, 1, 'r4');
  let steps = 0;
  let rerouted = 0;
  let lost = 0;
  for (let outcome = 'more'; outcome === 'more'; steps += 1) {
    const result = await buryGateway(store.port, store.keys, 'r4', bounds, { leaving: false });
    rerouted += result.rerouted;
    lost += result.lost;
    outcome = result.outcome;
  }
  expect(steps).toBeGreaterThan(10);
  expect([rerouted, lost]).toEqual([40_000, 400]);
  const contents = (await mailbox('r4-399')).map(({ body: text }) => Number(/"(\d+) x/.exec(text)?.[1]));
  expect(contents).toEqual(Array.from({ length: 100 }, (_, i) => i));
});

test('row 4: one of several gateways buries, another continues when that one stops, and a stopping gateway buries itself', async () => {
  const users = names('r4b-', 400);
  await addUsers(users, online('r4b'));
  await live('r4b');
  const body = `{"chat_from": "op", "chat_content": "${'x'.repeat(400)}"}`;
  for (let i = 0; i < 20; i += 1) {
    await routeCommands(store.port, store.keys, [message(users, { commandId: 103, body })], bounds);
  }
  await store.redis.zadd(store.keys.gateways, 1, 'r4b');
  const bury = async (by: string, leaving = false) =>
    (await buryGateway(store.port, store.keys, 'r4b', bounds, { leaving, by })).outcome;
  expect([await bury('a'), await bury('b'), await bury('a'), await bury('b')]).toEqual([
    'more',
    'busy',
    'more',
    'busy',
  ]);
  await store.redis.hset(store.keys.gateway('r4b'), 'undertaker', `a ${Date.now() - 4_000}`);
  expect([await bury('b'), await bury('a'), await bury('r4b', true)]).toEqual(['more', 'busy', 'more']);
  while ((await bury('r4b', true)) === 'more');
  expect(await store.redis.exists(store.keys.inbox('r4b'), store.keys.gateway('r4b'))).toBe(0);
  expect(await mailbox('r4b-399')).toHaveLength(20);
});

test('row 5: queue entries with 10,000 recipients are taken in short steps, in order, and each recipient gets each once', async () => {
  const users = names('r5-', 9_990);
  await addUsers(users);
  const to = [...users, ...names('r5-unknown-', 9), 'r5-0'];
  const entry = (content: string) =>
    JSON.stringify({ command_id: 103, chat_from: 'p', chat_to: to, chat_content: content });
  await store.redis.lpush(store.keys.queue, entry('first'), entry('second'));
  const limits = { ...bounds, maxEntries: 250, maxRecipients: 10_000, maxEntryBytes: 1_048_576, maxFrameBytes: 65_536 };
  let steps = 0;
  let sum: DrainResult = { taken: 0, dead: 0, left: 2 };
  for (; sum.left > 0; steps += 1) {
    const result = await drainQueue(store.port, store.keys, limits);
    sum = { taken: sum.taken + result.taken, dead: sum.dead + result.dead, left: result.left };
  }
  expect(steps).toBeGreaterThanOrEqual(4);
  expect(sum).toEqual({ taken: 2, dead: 2, left: 0 });
  for (const user of ['r5-0', 'r5-5000', 'r5-9989']) {
    const contents = (await mailbox(user)).map(({ body }) => JSON.parse(body).chat_content);
    expect(contents).toEqual(['first', 'second']);
  }
  const [letter = ''] = await store.redis.lrange(store.keys.queueDead, 0, -1);
  expect(JSON.parse(letter)).toMatchObject({ reason: 'unknown recipients', chat_to: names('r5-unknown-', 9) });
  expect(await store.redis.exists(store.keys.queuePlace)).toBe(0);
});

test('row 5: of two long entries with the same text, each recipient gets both', async () => {
  const users = names('r5b-', 4_500);
  await addUsers(users);
  const entry = JSON.stringify({ command_id: 103, chat_from: 'p', chat_to: users, chat_content: 'same' });
  await store.redis.lpush(store.keys.queue, entry, entry);
  const limits = { ...bounds, maxEntries: 250, maxRecipients: 10_000, maxEntryBytes: 1_048_576, maxFrameBytes: 65_536 };
  while ((await drainQueue(store.port, store.keys, limits)).left > 0);
  const sizes = await Promise.all(users.map((user) => store.redis.zcard(store.keys.mailbox(user))));
  expect(new Set(sizes)).toEqual(new Set([2]));
  expect(await store.redis.exists(store.keys.queuePlace)).toBe(0);
});

test('row 7: messages are written into an inbox as entries of a bounded size', async () => {
  await addUsers(['r7'], online('r7'));
  await live('r7');
  const body = `{"chat_from": "op", "chat_content": "${'x'.repeat(30_000)}"}`;
  await routeCommands(store.port, store.keys, Array(20).fill(message(['r7'], { body })), bounds);
  const entries = await store.redis.xrange(store.keys.inbox('r7'), '-', '+');
  const sizes = entries.map(([, fields]) => fields.reduce((bytes, text) => bytes + text.length, 0));
  expect(Math.max(...sizes)).toBeLessThan(65_536);
  const ids = entries.flatMap(([, fields]) =>
    fields.filter((_, i) => i % 2 === 0).map((field) => parseInboxRecord(field, '')),
  );
  expect(ids).toHaveLength(20);
});

test('row 9: messages of the HTTP API, and a few of each other client, stay when one client fills a mailbox', async () => {
  await addUsers(['r9']);
  const small = { ...bounds, mailboxMax: 100 };
  const chat = (from: string, i: number) =>
    message(['r9'], { from, body: `{"chat_from": "${from}", "chat_content": "${i}"}` });
  const send = (from: string, count: number, gatewayId?: string) =>
    routeCommands(
      store.port,
      store.keys,
      Array.from({ length: count }, (_, i) => chat(from, i)),
      gatewayId === undefined ? small : { ...small, gatewayId },
    );
  const held = async () => {
    const count = new Map<string, number>();
    for (const { body } of await mailbox('r9')) {
      const { chat_from } = JSON.parse(body);
      count.set(chat_from, (count.get(chat_from) ?? 0) + 1);
    }
    return Object.fromEntries(count);
  };
  await send('operator', 5);
  for (let i = 0; i < 10; i += 1) await send('flood', 100, 'g');
  expect(await held()).toEqual({ operator: 5, flood: 95 });
  await send('friend', 10, 'g');
  await send('flood', 100, 'g');
  const { operator, friend = 0, flood = 0 } = await held();
  expect([operator, friend + flood]).toEqual([5, 95]);
  expect(friend).toBeGreaterThan(6);
  await send('operator', 60);
  expect((await held()).operator).toBe(65);
  expect(await store.redis.hget(store.keys.user('r9'), 'lost')).toBe(String(1_000 + 10 + 100 + 60 + 5 - 100));
});

test('row 9: the bound in bytes, too, and a mailbox that empties leaves nothing behind', async () => {
  await addUsers(['r9b']);
  const body = `{"chat_from": "op", "chat_content": "${'x'.repeat(10_000)}"}`;
  const small = { ...bounds, mailboxMaxBytes: 100_000 };
  await routeCommands(store.port, store.keys, Array(30).fill(message(['r9b'], { body, ttlSeconds: 60 })), small);
  expect(await mailbox('r9b')).toHaveLength(9);
  expect(Number(await store.redis.get(store.keys.mailboxBytes('r9b')))).toBeLessThanOrEqual(100_000);
  await store.redis.set(`${store.keys.prefix}sweep_cursor`, 'r9');
  await sweepMailboxes(store.port, store.keys, { offlineTtlSeconds: -1, max: 10, pauseMs: 0 });
  const left = [store.keys.mailbox, store.keys.mailboxBytes, store.keys.mailboxExpiry, store.keys.mailboxSenders];
  expect(await store.redis.exists(...left.map((key) => key('r9b')))).toBe(0);
});

test('row 13: a sweep finds expired messages without reading mailboxes', async () => {
  const users = names('r13-', 200);
  await addUsers(users);
  const body = `{"chat_from": "op", "chat_content": "${'x'.repeat(100)}"}`;
  const lua = `for _, user in ipairs(ARGV) do
    for i = 1, 500 do redis.call('ZADD', KEYS[1] .. 'mailbox:' .. user, ${Date.now() * 1024} + i,
      '["' .. i .. '",102,1100,0,"",""]\\n' .. '${body}') end
    redis.call('ZADD', KEYS[1] .. 'users', 0, user)
  end`;
  for (let from = 0; from < 200; from += 20) {
    await store.redis.eval(lua, 1, store.keys.prefix, ...users.slice(from, from + 20));
  }
  const expiring = message(users, { commandId: 103, ttlSeconds: 1 });
  await routeCommands(store.port, store.keys, [expiring], bounds);
  for (const user of users) await store.redis.zadd(store.keys.mailboxExpiry(user), 1, (await newest(user)) ?? '');
  const sweepAll = async () => {
    await store.redis.set(`${store.keys.prefix}sweep_cursor`, 'r12');
    for (let looked = 0; looked < 200; ) {
      const step = { offlineTtlSeconds: 600, max: 200 - looked, pauseMs: 0 };
      looked += await sweepMailboxes(store.port, store.keys, step);
    }
  };
  await sweepAll();
  const readAll = `for _, user in ipairs(ARGV) do redis.call('ZRANGE', KEYS[1] .. 'mailbox:' .. user, 0, -1) end`;
  const readMs = await fastest(() => store.redis.eval(readAll, 1, store.keys.prefix, ...users));
  expect(await fastest(sweepAll)).toBeLessThan(readMs / 2);
  expect(await store.redis.zcard(store.keys.mailbox('r13-7'))).toBe(500);
  expect(await store.redis.hget(store.keys.user('r13-7'), 'lost')).toBe('1');
});

/** The shortest of five times, ms. */
async function fastest(work: () => Promise<unknown>): Promise<number> {
  let ms = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i += 1) {
    const startedAt = performance.now();
    await work();
    ms = Math.min(ms, performance.now() - startedAt);
  }
  return ms;
}

async function newest(user: string): Promise<string | undefined> {
  const [member = ''] = await store.redis.zrange(store.keys.mailbox(user), '-1', '-1');
  return /^\["(\d+)"/.exec(member)?.[1];
}

test('commands with a key to many users whose keys are all taken prune as much as one call may', async () => {
  const users = names('keys-', 12);
  await addUsers(users);
  // Newest commands that have long been delivered.
  for (const user of users) {
    const keys = names('k', 1_000).flatMap((key) => [key, '1']);
    await store.redis.hset(store.keys.replaces(user), ...keys);
  }
  const command = message(users, { receipt: true, replaces: 'another' });
  const { answers } = await routeCommands(store.port, store.keys, [command], bounds);
  expect(answers[0]).toMatchObject({ stored: 12 });
  expect(await store.redis.hlen(store.keys.replaces('keys-0'))).toBe(1);
});

test('a command that waits for 1,000 users is cancelled in steps, each user once', async () => {
  const users = names('cancel-', 1_000);
  await addUsers(users);
  // Below the size that is stored once: each mailbox has all of it.
  const body = `{"chat_from": "op", "chat_content": "${'x'.repeat(750)}"}`;
  const command = message(users, { commandId: 103, body, receipt: true, cancellable: true });
  const { answers } = await routeCommands(store.port, store.keys, [command], bounds);
  const id = answers[0]?.id ?? '';
  const audit = { by: 'op', max: 0 };
  expect(await cancelCommands(store.port, store.keys, [id], audit)).toEqual({ found: 1, cancelled: 1_000, tooLate: 0 });
  expect(await mailbox('cancel-999')).toEqual([]);
  expect(await cancelCommands(store.port, store.keys, [id], audit)).toMatchObject({ cancelled: 0 });
});

/** A port that notes how many calls of a kind there were. */
function counted(port: RedisPort): { port: RedisPort; scripts: string[]; pipelined: number[] } {
  const scripts: string[] = [];
  const pipelined: number[] = [];
  const noted: RedisPort = {
    command: (name, ...args) => port.command(name, ...args),
    pipeline: (commands) => {
      pipelined.push(commands.length);
      return port.pipeline(commands);
    },
    script: (script, scriptKeys, args) => {
      scripts.push(script.name);
      return port.script(script, scriptKeys, args);
    },
    close: () => port.close(),
  };
  return { port: noted, scripts, pipelined };
}

test('the largest requests are revoked in bounded calls that leave together, each message in each mailbox', async () => {
  const users = names('revoke-', 1_000);
  await addUsers(users);
  // Below the size that is stored once: each mailbox has all of it.
  const large = message(users, { commandId: 103, body: `{"chat_from": "op", "chat_content": "${'x'.repeat(750)}"}` });
  const many = Array.from({ length: 80 }, (_, i) =>
    message(users.slice(10 * i, 10 * i + 50), { body: '{"chat_from": "op", "chat_content": "x"}' }),
  );
  const { port, pipelined } = counted(store.port);
  for (const [at, commands] of [[large], many].entries()) {
    const key = `idempotency::revoke-${at}`;
    await routeCommands(store.port, store.keys, commands, {
      ...bounds,
      idempotency: { key, digest: '-', ttlSeconds: 10 },
    });
    expect(await store.redis.zcard(store.keys.mailbox('revoke-700'))).toBeGreaterThan(0);
    const options = { idempotencyKey: key, auditMax: 1_000 };
    expect(await withdrawCommands(port, store.keys, commands, options)).toBe(commands.length);
    const left = await Promise.all(users.map((user) => store.redis.zcard(store.keys.mailbox(user))));
    expect(left.filter((count) => count > 0)).toEqual([]);
    expect(await withdrawCommands(port, store.keys, commands, options)).toBe(0);
  }
  expect(pipelined).toEqual([2, 2, 3, 3]);
});

test('a revoked request to 1,000 users puts back what it replaced for each, in bounded calls', async () => {
  const users = names('undo-', 1_000);
  await addUsers(users);
  const commands = [message(users, { commandId: 103, receipt: true, replaces: 'level' })];
  const key = 'idempotency::undo';
  const first = await routeCommands(store.port, store.keys, commands, bounds);
  const idempotency = { key, digest: '-', ttlSeconds: 10 };
  await routeCommands(store.port, store.keys, commands, { ...bounds, idempotency });
  expect(await withdrawCommands(store.port, store.keys, commands, { idempotencyKey: key, auditMax: 0 })).toBe(1);
  const waiting = await Promise.all(users.map((user) => newest(user)));
  expect(new Set(waiting)).toEqual(new Set([first.answers[0]?.id]));
});

test('records that an older version kept are read again in steps of their size, whatever is between them', async () => {
  await live('adopts');
  const record = (i: number) =>
    JSON.stringify([`["m","${i + 1}",102,1100,0,"","",["adopted",1],[]]`, `{"chat_content": "${'x'.repeat(60_000)}"}`]);
  const unknown = (i: number) => JSON.stringify([`["z",${i}]`, 'x'.repeat(60_000)]);
  for (let i = 0; i < 120; i += 1)
    await store.redis.rpush(store.keys.inboxUnread, i % 3 === 0 ? unknown(i) : record(i));
  const { port, scripts } = counted(store.port);
  expect(await adoptUnread(port, store.keys, 'adopts')).toBe(80);
  expect(scripts.filter((name) => name === 'adopt_unread').length).toBeGreaterThanOrEqual(10);
  const entries = await store.redis.xrange(store.keys.inbox('adopts'), '-', '+');
  const ids = entries.flatMap(([, fields]) =>
    fields.filter((_, i) => i % 2 === 0).map((field) => JSON.parse(field)[1]),
  );
  expect(ids).toEqual(
    Array.from({ length: 120 }, (_, i) => i)
      .filter((i) => i % 3 !== 0)
      .map((i) => String(i + 1)),
  );
  expect(await store.redis.llen(store.keys.inboxUnread)).toBe(40);
  // A few small ones are one step.
  await store.redis.del(store.keys.inboxUnread);
  for (let i = 0; i < 60; i += 1)
    await store.redis.rpush(store.keys.inboxUnread, JSON.stringify([`["p","u${i}",1]`, '']));
  expect(await adoptUnread(port, store.keys, 'adopts')).toBe(60);
  expect(scripts.slice(-3)).toEqual(['read_unread', 'adopt_unread', 'read_unread']);
});

test('a call that does more than its bound fails in a test build, and says how much it did', async () => {
  const users = names('limit-', 3_000);
  await addUsers(users);
  const body = `{"chat_from": "op", "chat_content": "${'x'.repeat(700)}"}`;
  const call = routeCommands(store.port, store.keys, [message(users, { commandId: 103, body })], bounds);
  await expect(call).rejects.toThrow(/units of work: more than 10000/);
  expect(STEP_WORK).toBe(5_000);
});
