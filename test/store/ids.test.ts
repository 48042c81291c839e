import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseMailboxMember } from '../../contract/store/records.ts';
import { drainQueue } from '../../contract/store/scripts/drain-queue.ts';
import { changeGroup } from '../../contract/store/scripts/groups.ts';
import { stashMessages } from '../../contract/store/scripts/mailbox.ts';
import { routeCommands } from '../../contract/store/scripts/route.ts';
import { releaseScheduled } from '../../contract/store/scripts/schedule.ts';
import { claimSessions, releaseSession } from '../../contract/store/scripts/sessions.ts';
import { drivers, limits, message, openStore, type Store } from './ports.ts';

/** What the caller has seen before a failover to a server whose clock is a minute behind. */
const known = () => (Date.now() + 60_000) * 1_024;
const without = { rest: '102,1100,0,"",""', body: '{}' };

describe.each(drivers)('ids above the highest one that the caller knows, over %s', (driver) => {
  let store: Store;
  beforeAll(async () => {
    store = await openStore(driver);
  });
  afterAll(() => store.stop());

  const addUser = async () => {
    const id = randomUUID();
    await store.addUser(id);
    // As if nobody had brought a higher one before.
    await store.redis.del(`${store.keys.prefix}message_id`);
    return id;
  };
  const storedFor = async (user: string) => {
    const [member = ''] = await store.redis.zrange(store.keys.mailbox(user), '0', '-1');
    return Number(parseMailboxMember(member).head.id);
  };

  it('of a command', async () => {
    const highestId = known();
    const user = await addUser();
    const { answers } = await routeCommands(store.port, store.keys, [message([user])], { ...limits, highestId });
    expect(Number(answers[0]?.id)).toBe(highestId + 1);
    // The next caller knows nothing: a function that has just started.
    const next = await routeCommands(store.port, store.keys, [message([user])], limits);
    expect(Number(next.answers[0]?.id)).toBe(highestId + 2);
  });

  it('of an entry of the queue', async () => {
    const highestId = known();
    const user = await addUser();
    const entry = { command_id: 102, chat_from: 'ann', chat_to: [user], chat_content: 'x' };
    await store.redis.lpush(store.keys.queue, JSON.stringify(entry));
    const bounds = { maxEntries: 10, maxRecipients: 10, maxEntryBytes: 4_096, maxFrameBytes: 2_000 };
    await drainQueue(store.port, store.keys, { ...limits, ...bounds, highestId });
    expect(await storedFor(user)).toBe(highestId + 1);
  });

  it('of a command that is due', async () => {
    const highestId = known();
    const user = await addUser();
    const scheduled = message([user], { notBeforeMs: Date.now() + 3_600_000 });
    const { answers } = await routeCommands(store.port, store.keys, [scheduled], limits);
    await store.redis.zadd(store.keys.scheduled, Date.now() - 1, String(answers[0]?.id));
    await releaseScheduled(store.port, store.keys, limits, highestId);
    expect(await storedFor(user)).toBe(highestId + 1);
  });

  it('of a direct message that is put back, alone or with the end of its session', async () => {
    const highestId = known();
    const user = await addUser();
    await stashMessages(
      store.port,
      store.keys,
      limits,
      [{ userIds: [user], id: '0', ...without }],
      randomUUID(),
      highestId,
    );
    expect(await storedFor(user)).toBe(highestId + 1);

    const other = await addUser();
    await store.redis.zadd(store.keys.gateways, Date.now() + 600_000, 'g1');
    const claimant = { gatewayId: 'g1', highestId: 0 };
    const claim = { userId: other, form: 'plain' as const, proof: { tokenField: 'token' } };
    const claimed = await claimSessions(store.port, store.keys, claimant, 600, [claim]);
    const [result] = claimed === 'no_lease' ? [] : claimed;
    if (result?.status !== 'claimed') throw new Error(JSON.stringify(result));
    await releaseSession(store.port, store.keys, limits, {
      session: { userId: other, epoch: result.epoch, holder: 'g1' },
      reason: 'client_left',
      handsOver: true,
      undelivered: [{ id: '0', ...without }],
      call: randomUUID(),
      highestId,
    });
    expect(await storedFor(other)).toBe(highestId + 1);
  });

  it('at which a member joins a group', async () => {
    const highestId = known();
    const user = await addUser();
    const change = { add: [user], remove: [] };
    await changeGroup(store.port, store.keys, `g-${user}`, change, { by: 'op', max: 0 }, highestId);
    expect(Number(await store.redis.get(`${store.keys.prefix}message_id`))).toBe(highestId + 2);
  });
});
