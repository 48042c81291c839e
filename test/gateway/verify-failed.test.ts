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
