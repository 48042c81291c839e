import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { compareEntryIds } from '../../contract/store/entry-ids.ts';
import { InboxEntries, type InboxEntry } from '../../gateway/delivery/inbox-entries.ts';
import { connectRedis, type GatewayRedis } from '../../gateway/store/redis.ts';
import { silentLog } from '../kit/gateway.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

let redis: GatewayRedis;
let inbox: string;
let entries: InboxEntries;
beforeAll(() => {
  const config = { url: sharedRedisUrl(), username: undefined, password: undefined, cluster: false, keyPrefix: '' };
  redis = connectRedis(config, silentLog);
});
afterAll(() => redis.close());
beforeEach(() => {
  inbox = `${uniquePrefix()}inbox`;
  entries = new InboxEntries(redis, inbox, silentLog);
});

/** Adds entries and begins them, as the reader does. */
async function begin(count: number): Promise<InboxEntry[]> {
  const ids = await redis.pipeline(Array.from({ length: count }, () => ['XADD', inbox, '*', 'f', 'v']));
  return ids.map((id) => entries.begin(String(id)));
}

const left = async () => ((await redis.command('XRANGE', inbox, '-', '+')) as [string][]).map(([id]) => id);

test('an entry is removed only when the reader and all of its sessions are done with it', async () => {
  const [entry] = (await begin(1)) as [InboxEntry];
  entry.expect(2);
  entry.settle();
  entry.settle();
  expect(await left()).toEqual([entry.id]);
  expect(entries.open).toBe(1);
  entry.settle();
  await entries.idle();
  expect(await left()).toEqual([]);
  expect(entries.open).toBe(0);
});

test('an inbox is not trimmed one entry too far: a finished entry is removed even behind an open one', async () => {
  const [a, b, c, d] = (await begin(4)) as [InboxEntry, InboxEntry, InboxEntry, InboxEntry];
  const unread = String(await redis.command('XADD', inbox, '*', 'f', 'v'));
  a.settle();
  // A gateway that is killed now would have c delivered again, to a plain client as a second copy.
  c.settle();
  await until('a and c are gone', async () => (await left()).length === 3);
  expect(await left()).toEqual([b.id, d.id, unread]);
  expect(entries.open).toBe(2);
  b.settle();
  d.settle();
  await entries.idle();
  expect(await left()).toEqual([unread]);
});

test('thousands of entries that finish together are removed', async () => {
  const all = await begin(1_201);
  const [first, ...others] = all as [InboxEntry, ...InboxEntry[]];
  for (const entry of others) entry.settle();
  await until('the others are gone', async () => (await left()).length === 1);
  expect(await left()).toEqual([first.id]);
  first.settle();
  await entries.idle();
  expect(await left()).toEqual([]);
});

test('a promoted replica whose clock is behind keeps unread entries when older ones are removed late', async () => {
  const [written] = (await begin(1)) as [InboxEntry];
  // The replica never had that entry, and gives lower ids.
  await redis.command('DEL', inbox);
  await redis.command('XADD', inbox, '5-0', 'f', 'accepted by the replica');
  written.settle();
  await entries.idle();
  expect(await left()).toEqual(['5-0']);
});

test('ids are compared as numbers', () => {
  const ids = ['5-9', '5-10', '40-0', '5-0', '0', '1700000000000-1'];
  expect([...ids].sort(compareEntryIds)).toEqual(['0', '5-0', '5-9', '5-10', '40-0', '1700000000000-1']);
  expect(compareEntryIds('7-1', '7-1')).toBe(0);
});
