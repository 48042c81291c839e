import { expect, test } from 'vitest';
import { gateway } from '../kit/gateway.ts';
import { until } from '../kit/until.ts';

test('a broadcast that is held back while a mailbox is served does not fall behind what its sender sent after it', async () => {
  const g = await gateway();
  const user = await g.verified('u');
  // Verifying again makes the session serve its mailbox; all of this comes in the same segment.
  for (let round = 1; round <= 5; round += 1) {
    user.send(1, { phone_number: 'u', token: 'token of u' }, round);
    user.send(4, { chat_content: `${round} to everyone` });
    user.send(3, { chat_to: ['u', 'nobody'], chat_content: `${round} to a group` });
    user.send(2, { chat_to: 'u', chat_content: `${round} to one` });
    await user.receives(101, '{"code": 1}', round);
    for (const [commandId, to] of [
      [104, 'everyone'],
      [103, 'a group'],
      [102, 'one'],
    ] as const) {
      await user.receives(commandId, { chat_from: 'u', chat_content: `${round} to ${to}` });
    }
  }
  await until('nothing is left in the mailbox', async () => (await g.mailbox('u')).length === 0);
});

test('a broadcast that is held back is not lost when its user verifies again on the same connection', async () => {
  const g = await gateway();
  const user = await g.verified('u');
  // All in one segment: each verify finds the session before it still waiting for its mailbox.
  for (let round = 1; round <= 9; round += 1) {
    user.send(4, { chat_content: `${round}` }, round);
    user.send(1, { phone_number: 'u', token: 'token of u' }, round);
  }
  const broadcasts = () => user.frames.filter(({ commandId }) => commandId === 104).map(({ version }) => version);
  await until('the last one is here', () => broadcasts().includes(9));
  expect(broadcasts()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
