import { describe, expect, test } from 'vitest';
import { encodeFrame } from '../../contract/wire/frame.ts';
import { SenderOrder } from '../../gateway/session/sender-order.ts';
import { gateway } from '../kit/gateway.ts';

/** An inbox that was read up to this entry. */
const readTo = (position: number) => ({ hasPassed: (entry: string) => Number(entry) <= position });

describe('the direct way to a receiver', () => {
  test('is closed while a message to it is on its way to Redis or in the inbox, and open to others', () => {
    const order = new SenderOrder();
    order.begin(['a'], 10);
    order.begin(['a'], 10);
    expect([order.isClearTo('a', readTo(0)), order.isClearTo('b', readTo(0)), order.isClear(readTo(0))]).toEqual([
      false,
      true,
      false,
    ]);
    order.end(['a'], 10);
    expect(order.isClearTo('a', readTo(0))).toBe(false);
    order.end(['a'], 10, '5');
    expect([order.isClearTo('a', readTo(4)), order.isClearTo('b', readTo(4)), order.isClear(readTo(4))]).toEqual([
      false,
      true,
      false,
    ]);
    expect([order.isClearTo('a', readTo(5)), order.isClear(readTo(5))]).toEqual([true, true]);
  });

  test('waits for the last of several entries', () => {
    const order = new SenderOrder();
    for (const entry of ['3', '7']) {
      order.begin(['a'], 10);
      order.end(['a'], 10, entry);
      order.begin(['b'], 10);
      order.end(['b'], 10, entry);
    }
    expect([order.isClearTo('a', readTo(3)), order.isClearTo('a', readTo(7))]).toEqual([false, true]);
  });

  test.each([['everyone' as const], [['a', 'b']]])('is closed to all while a message to %s is on its way', (to) => {
    const order = new SenderOrder();
    order.begin(to, 10);
    expect(order.isClearTo('c', readTo(0))).toBe(false);
    order.end(to, 10, '9');
    expect(order.isClearTo('c', readTo(8))).toBe(false);
    expect(order.isClearTo('c', readTo(9))).toBe(true);
  });

  test('is closed to all where there are too many receivers to remember', () => {
    const order = new SenderOrder();
    for (let i = 1; i <= 1_025; i += 1) {
      order.begin([`r${i}`], 10);
      order.end([`r${i}`], 10, String(i));
    }
    expect([order.isClearTo('other', readTo(0)), order.isClearTo('other', readTo(1_025))]).toEqual([false, true]);
  });
});

test('a message to someone elsewhere does not send those behind it, to others, through Redis', async () => {
  const g = await gateway();
  const [sender, receiver] = [await g.verified('sender'), await g.verified('receiver')];
  await g.users('away');
  const frame = (to: string) => encodeFrame(1100, 2, JSON.stringify({ chat_to: to, chat_content: 'hello' }));
  sender.socket.write(Buffer.concat([frame('away'), frame('receiver')]));
  await receiver.receives(102, '{"chat_from": "sender", "chat_content": "hello"}');
  expect(await g.metric('fronttcp_delivered_total{way="direct"}')).toBe(1);
});
