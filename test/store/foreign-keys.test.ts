import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { buryGateway } from '../../contract/store/scripts/gateways.ts';
import { giveUpTooLarge } from '../../contract/store/scripts/mailbox.ts';
import { routeCommands } from '../../contract/store/scripts/route.ts';
import { sweepMailboxes } from '../../contract/store/scripts/sweep.ts';
import { limits, message, openStore, type Store } from './ports.ts';

// `user:<id>` belongs to other login code, too: it deletes the key, or may have put something else there.
let store: Store;
beforeAll(async () => {
  store = await openStore('ioredis');
});
afterAll(() => store.stop());
beforeEach(async () => {
  await store.redis.set(store.keys.user('odd'), 'no hash');
  await store.redis.del(store.keys.user('deleted'));
  for (const user of ['odd', 'deleted']) {
    // Decades old.
    await store.redis.zadd(store.keys.mailbox(user), 1, '["1",102,1100,0,"",""]\n{}');
    await store.redis.zadd(store.keys.users, 0, user);
  }
});

const onlyMember = async (user: string) => (await store.redis.zrange(store.keys.mailbox(user), '0', '-1')).join();

it('a gateway is buried although a user of it is no hash any more', async () => {
  await store.addUser('there', { gateway: 'dead', epoch: 1, form: 'plain' });
  await store.redis.sadd(store.keys.sessions('dead'), 'odd', 'there');
  await store.redis.zadd(store.keys.gateways, 1, 'dead');
  const message = ['["m","7",102,1100,0,"","",["odd",1,"there",1],[]]', '{}'];
  await store.redis.xadd(store.keys.inbox('dead'), '*', ...message, '["c","odd",1,"taken_over",1]', '');
  expect(await buryGateway(store.port, store.keys, 'dead', limits, { leaving: false })).toMatchObject({
    outcome: 'done',
    lost: 1,
  });
  expect(await store.redis.zcard(store.keys.mailbox('there'))).toBe(1);
  expect(await store.redis.exists(store.keys.sessions('dead'), store.keys.inbox('dead'))).toBe(0);
});

it('a command with a key goes to its other recipients although the mailbox of one is something else', async () => {
  await store.addUser('broken');
  await store.addUser('whole');
  await store.redis.set(store.keys.mailbox('broken'), 'no sorted set');
  const command = message(['broken', 'whole'], { replaces: 'level', receipt: true });
  for (let n = 0; n < 2; n += 1) {
    const { answers } = await routeCommands(store.port, store.keys, [command], limits);
    expect(await store.redis.zscore(store.keys.mailbox('whole'), await onlyMember('whole'))).toBe(answers[0]?.id);
  }
});

it('the sweep goes on behind a user that is no hash, and a deleted one does not become known again', async () => {
  const step = { offlineTtlSeconds: 600, max: 10, pauseMs: 0 };
  expect(await sweepMailboxes(store.port, store.keys, step)).toBeGreaterThanOrEqual(2);
  for (const user of ['odd', 'deleted']) expect(await store.redis.exists(store.keys.mailbox(user))).toBe(0);
  expect(await store.redis.exists(store.keys.user('deleted'))).toBe(0);
  expect(await store.redis.get(store.keys.user('odd'))).toBe('no hash');
});

it('a deleted user does not become known again by a message that is too large for its client', async () => {
  const tooLarge = { id: '1', flags: '', isStored: true, call: 'g:1' };
  await giveUpTooLarge(store.port, store.keys, 'deleted', tooLarge);
  expect(await store.redis.exists(store.keys.mailbox('deleted'), store.keys.user('deleted'))).toBe(0);
});
