import { expect, test } from 'vitest';
import { gateway } from '../kit/gateway.ts';
import { frameBytes } from '../kit/peer.ts';

test('a verify that the store refuses closes its connection without a 101; others of the same batch succeed', async () => {
  const g = await gateway();
  const users = ['before', 'broken', 'behind'];
  await g.users(...users);
  await g.redis.command('SET', g.keys.mailbox('broken'), 'of another type');
  const peers = await Promise.all(users.map(() => g.peer()));
  const wrong = await g.peer();
  for (const [i, peer] of peers.entries()) {
    peer.sendBytes(frameBytes(1, { phone_number: users[i], token: `token of ${users[i]}` }));
  }
  wrong.send(1, { phone_number: 'before', token: 'wrong' });
  const [before, broken, behind] = peers;
  await before?.receives(101, '{"code": 1}');
  await behind?.receives(101, '{"code": 1}');
  await wrong.receives(101, '{"code": 0}');
  await broken?.isClosedSilently();
  await g.redis.command('DEL', g.keys.mailbox('broken'));
  for (const user of ['before', 'behind'])
    await g.route({ to: [user], body: '{"chat_from": "op", "chat_content": "x"}' });
  await before?.receives(102);
  await behind?.receives(102);
  expect((await g.verified('broken')).verdict).toMatchObject({ code: 1 });
});

test('after a lost lease a session that the store refuses is closed; others of the same batch go on, and no event lacks its end', async () => {
  const g = await gateway({ LEASE_MS: '2000' });
  const users = ['before', 'broken', 'behind'];
  const peers = [];
  for (const user of users) peers.push(await g.verified(user));
  const [before, broken, behind] = peers;
  await g.redis.command('SET', g.keys.mailbox('broken'), 'of another type');
  const first = g.running.id;
  await g.redis.command('ZADD', g.keys.gateways, 1, first);
  await broken?.isClosedSilently();
  expect(g.running.id).not.toBe(first);
  for (const user of ['before', 'behind'])
    await g.route({ to: [user], body: '{"chat_from": "op", "chat_content": "x"}' });
  await before?.receives(102);
  await behind?.receives(102);
  const held = (await g.redis.command('SMEMBERS', g.keys.sessions(g.running.id))) as string[];
  expect(held.sort()).toEqual(['before', 'behind'].sort());
  const events = (await g.redis.command('XRANGE', g.keys.events, '-', '+')) as [string, string[]][];
  const open = users.map((user) => {
    const types = events.filter(([, fields]) => fields[3] === user).map(([, fields]) => fields[1]);
    return types.reduce((sum, type) => sum + (type === 'connected' ? 1 : -1), 0);
  });
  expect(open).toEqual([1, 0, 1]);
});
