import { expect, test } from 'vitest';
import { chat, gateway } from '../kit/gateway.ts';
import { frameBytes } from '../kit/peer.ts';
import { until } from '../kit/until.ts';

const CHATS = 900;

/** More than one session may have on their way to Redis, so that some wait behind a gate. */
function chats(to: string, withRef: boolean): Buffer {
  return Buffer.concat(
    Array.from({ length: CHATS }, (_, i) =>
      frameBytes(2, { chat_to: to, chat_content: `${i}`, ...(withRef ? { ref: i } : {}) }),
    ),
  );
}

test('900 chats and then the end: all of them are stored', async () => {
  const g = await gateway({ MAX_MESSAGES_PER_S: '300' });
  await g.users('away');
  const client = await g.verified('writes');
  client.socket.end(chats('away', false));
  await client.ended();
  await until('all are stored', async () => (await g.mailbox('away')).length === CHATS, { timeoutMs: 20_000 });
});

test('a client that closes only its sending side gets its replies, and then the end', async () => {
  const g = await gateway();
  await g.users('away', 'asks');
  const client = await g.peer();
  const verify = frameBytes(1, { phone_number: 'asks', token: 'token of asks', features: ['receipts', 'pong'] });
  client.socket.end(Buffer.concat([verify, chats('away', true), frameBytes(5)]));
  await client.receives(101, expect.objectContaining({ code: 1 }));
  await client.ended();
  const answers = client.frames.slice(1).map(({ commandId }) => commandId);
  expect(answers.filter((commandId) => commandId === 110)).toHaveLength(CHATS);
  expect(answers.filter((commandId) => commandId === 105)).toHaveLength(1);
  await until('its session has ended', async () => {
    return (await g.redis.command('HEXISTS', g.keys.user('asks'), 'gateway')) === 0;
  });
});

test('a client that sends a part of a frame and then the end is closed at once', async () => {
  const g = await gateway();
  const client = await g.verified('half');
  const other = await g.verified('other');
  const whole = frameBytes(2, { chat_to: 'other', chat_content: 'whole' });
  client.socket.end(Buffer.concat([whole, whole.subarray(0, 20)]));
  await other.receives(102, chat('half', 'whole'));
  await client.isClosedSilently();
});
