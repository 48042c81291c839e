import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { changeGroup } from '../../contract/store/scripts/groups.ts';
import { type RouteCommand, routeCommands } from '../../contract/store/scripts/route.ts';
import { releaseScheduled } from '../../contract/store/scripts/schedule.ts';
import { message, openStore, type Store } from './ports.ts';

// A call that does more than twice its bound fails in a test build (vitest.config.ts).
const bounds = { offlineTtlSeconds: 600, mailboxMax: 1_000, mailboxMaxBytes: 10_000_000, highestId: 0 };
const LARGE = 1_001;

let store: Store;
const members = Array.from({ length: LARGE }, (_, n) => `m${n}`);
beforeAll(async () => {
  store = await openStore('ioredis');
  await Promise.all(members.map((id) => store.addUser(id)));
  await join('large', members.slice(0, 1_000));
  await join('large', members.slice(1_000));
  await join('small', ['m0', 'm1']);
});
beforeEach(() => workOff());
afterAll(() => store.stop());

const join = (group: string, add: readonly string[]) =>
  changeGroup(store.port, store.keys, group, { add, remove: [] }, { by: 'op', max: 0 }, 0);
const send = async (...commands: RouteCommand[]) =>
  (await routeCommands(store.port, store.keys, commands, bounds)).answers;
const toGroup = (group: string, more: Partial<RouteCommand> = {}) => message([], { commandId: 103, group, ...more });
const release = () => releaseScheduled(store.port, store.keys, bounds, 0);
async function workOff(): Promise<void> {
  while ((await release()).nextInMs === 0);
}
const refusals = (answers: Awaited<ReturnType<typeof send>>) => new Set(answers.map(({ refusal }) => refusal));

it('refuses what a sender sends while more of its sends to groups are due than it may begin at a time', async () => {
  const body = `{"chat_from": "op", "chat_content": "${'x'.repeat(10_000)}"}`;
  const timed = toGroup('small', { body, notBeforeMs: Date.now() + 3_600_000 });
  const sends = [];
  for (let n = 0; n < 10; n += 1) sends.push(...(await send(...Array<RouteCommand>(30).fill(timed))));
  for (const { id } of sends) await store.redis.zadd(store.keys.scheduled, Date.now() - 1, id);
  await release();
  expect(await store.redis.zcard(store.keys.senderWork('op'))).toBeGreaterThan(4);
  const batch = Array<RouteCommand>(100).fill(message(['m0']));
  expect(refusals(await send(...batch))).toEqual(new Set(['too_many_group_sends']));
  expect(refusals(await send(message(['m0'], { from: 'other' })))).toEqual(new Set([undefined]));
  await workOff();
  expect(refusals(await send(...batch))).toEqual(new Set([undefined]));
  expect(await store.redis.zcard(store.keys.mailbox('m0'))).toBe(300 + 1 + 100);
});

it('refuses a send to so many that its earlier sends to groups would have to reach first', async () => {
  const body = `{"chat_from": "op", "chat_content": "${'x'.repeat(700)}"}`;
  for (let n = 0; n < 4; n += 1) await send(toGroup('large', { body }));
  const many = message(members.slice(1), { commandId: 103 });
  expect(refusals(await send(many))).toEqual(new Set(['too_many_group_sends']));
  const few = Array<RouteCommand>(100).fill(message(['m1', 'm2']));
  expect(refusals(await send(...few))).toEqual(new Set([undefined]));
  await workOff();
  expect(refusals(await send(many))).toEqual(new Set([undefined]));
});

it('passes members who are served and former members in bounded calls, and forgets those whom no pending send reaches', async () => {
  const timed = toGroup('small', { notBeforeMs: Date.now() + 3_600_000 });
  const [due] = await send(timed);
  await send(timed);
  const generation = (await store.redis.hget(store.keys.groupNames, 'small')) ?? '';
  const left = store.keys.groupLeft(generation);
  const fill = `for i = 1, 25000 do
    redis.call('ZADD', KEYS[1], i, 'gone\\n' .. i + 1)
    redis.call('ZADD', KEYS[2], i, 'early' .. i)
    redis.call('SADD', KEYS[3], 'early' .. i)
  end`;
  await store.redis.eval(fill, 3, left, store.keys.group(generation), store.keys.groupEarly(due?.id ?? ''));
  await store.redis.zadd(store.keys.scheduled, Date.now() - 1, due?.id ?? '');
  let calls = 1;
  while ((await release()).nextInMs === 0) calls += 1;
  expect(calls).toBeGreaterThan(15);
  expect(await store.redis.zcard(left)).toBe(0);
});

it('forgets sends that an older version left behind', async () => {
  for (const id of ['1', '2', '3', '4']) await store.redis.zadd(store.keys.senderWork('op'), id, id);
  expect(refusals(await send(toGroup('large')))).toEqual(new Set([undefined]));
});
