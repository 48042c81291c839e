import { describe, expect, test } from 'vitest';
import { readReceipt } from '../../contract/store/scripts/receipts.ts';
import { largestFrameBytes } from '../../contract/wire/message.ts';
import { chat, gateway, type TestGateway } from '../kit/gateway.ts';
import { frameBytes } from '../kit/peer.ts';
import { until } from '../kit/until.ts';

const LIMIT = 512;

const verified = async (g: TestGateway, userId: string, more: object) => {
  await g.users(userId);
  const peer = await g.peer();
  peer.send(1, { phone_number: userId, token: `token of ${userId}`, ...more });
  return { peer, verdict: (await peer.receives(101)).body as { code: number; lost?: number } };
};
const bodyOf = (bytes: number) => {
  const around = JSON.stringify({ chat_from: 'op', chat_content: '' }).length;
  return JSON.stringify({ chat_from: 'op', chat_content: 'x'.repeat(bytes - 12 - around) });
};
const lostOf = (g: TestGateway, userId: string) => g.redis.command('HGET', g.keys.user(userId), 'lost');

describe('max_frame_bytes', () => {
  test.each(['plain', 'ack'] as const)(
    'a message that is larger does not come to a client that is %s, and ends as lost',
    async (form) => {
      const g = await gateway();
      const features = form === 'ack' ? { features: ['ack'] } : {};
      const { peer } = await verified(g, 'small', { max_frame_bytes: LIMIT, ...features });
      const send = (bytes: number) => g.route({ to: ['small'], body: bodyOf(bytes), receipt: true });
      // The id and the time of an acknowledging client's frame count.
      const fits = await send(form === 'ack' ? LIMIT - 100 : LIMIT);
      const large = await send(LIMIT + 1);
      const behind = await send(200);
      await peer.receives(102);
      await peer.receives(102);
      const stateOf = async (result: typeof fits) => {
        const receipt = await readReceipt(g.redis, g.keys, result.answers[0]?.id ?? '');
        return receipt?.recipients[0];
      };
      await until('it has failed', async () => (await stateOf(large))?.state === 'failed');
      expect((await stateOf(large))?.reason).toBe('too_large');
      await until('the others are written', async () => (await stateOf(behind))?.state === 'written');
      expect(await lostOf(g, 'small')).toBe('1');
      await peer.leave();
      const again = await verified(g, 'small', { features: ['ack'] });
      expect(again.verdict.lost).toBe(1);
    },
  );

  test('holds for the mailbox, for direct messages, and for broadcasts', async () => {
    const g = await gateway();
    await g.users('small');
    await g.route({ to: ['small'], body: bodyOf(LIMIT + 1) });
    await g.route({ to: ['small'], body: bodyOf(LIMIT) });
    const { peer } = await verified(g, 'small', { max_frame_bytes: LIMIT });
    const any = await g.verified('any');
    await peer.receives(102);
    any.send(2, { chat_to: 'small', chat_content: 'y'.repeat(LIMIT) });
    any.send(4, { chat_content: 'z'.repeat(LIMIT) });
    any.send(2, { chat_to: 'small', chat_content: 'last' });
    await any.receives(104);
    await peer.receives(102, chat('any', 'last'));
    await until('all are counted', async () => (await lostOf(g, 'small')) === '3');
    expect(await g.mailbox('small')).toEqual([]);
    peer.hasNothingMore();
  });

  test('a member of a group who is named twice loses a message that is too large once', async () => {
    const g = await gateway();
    await g.users('small');
    const { peer } = await verified(g, 'small', { max_frame_bytes: LIMIT });
    const any = await g.verified('any');
    any.send(3, { chat_to: ['small', 'any', 'small'], chat_content: 'y'.repeat(LIMIT) });
    any.send(3, { chat_to: ['small', 'any', 'small'], chat_content: 'last' });
    await any.receives(103);
    await peer.receives(103, chat('any', 'last'));
    peer.hasNothingMore();
    await peer.leave();
    // The gateway's calls are in order: this one is behind what has counted it.
    const again = await verified(g, 'small', { features: ['ack'] });
    expect(again.verdict.lost).toBe(1);
  });

  test('a ref that is too long to be repeated is left out of 111, after its sentence; there is no 110 without it', async () => {
    const g = await gateway();
    const { peer } = await verified(g, 'small', { max_frame_bytes: 256, features: ['errors', 'receipts'] });
    const refused = async (ref: string) => {
      peer.send(2, { chat_to: 'nobody', chat_content: 'x', ref });
      const { body, text } = await peer.receives(111);
      expect(12 + Buffer.byteLength(text)).toBeLessThanOrEqual(256);
      return body;
    };
    const [error, message] = ['unknown_recipient', expect.any(String)];
    expect(await refused('x'.repeat(128))).toEqual({ error, message, ref: 'x'.repeat(128) });
    expect(await refused('é'.repeat(100))).toEqual({ error, ref: 'é'.repeat(100) });
    expect(await refused('名'.repeat(128))).toEqual({ error, message });
    for (const ref of ['名'.repeat(128), 'short']) peer.send(4, { chat_content: 'x', ref });
    await until('the short one is accepted', () => peer.frames.some(({ commandId }) => commandId === 110));
    expect(peer.frames.filter(({ commandId }) => commandId === 110)).toMatchObject([{ body: { ref: 'short' } }]);
  });

  test.each([
    ['below the range', 1, 256],
    ['above the range', 1e9, 65_536],
    ['no number', '300', 65_536],
    ['null', null, 65_536],
  ])('%s: %j counts as %d', async (_name, max_frame_bytes, limit) => {
    const g = await gateway();
    const { peer, verdict } = await verified(g, 'odd', { max_frame_bytes });
    expect(verdict.code).toBe(1);
    const sender = await g.verified('sender');
    const overhead = frameBytes(102, '{"chat_from": "sender", "chat_content": ""}').length;
    sender.send(2, { chat_to: 'odd', chat_content: 'x'.repeat(Math.min(limit, 65_000) - overhead) });
    expect((await peer.receives(102)).text.length + 12).toBe(Math.min(limit, 65_000));
  });
});

describe('MAX_FRAME_BYTES', () => {
  test('a chat whose frame with an id would exceed it is refused, whatever its target; one that just fits comes', async () => {
    const g = await gateway({ MAX_FRAME_BYTES: String(LIMIT) });
    const any = await g.verified('any', ['errors']);
    const bob = await g.verified('bob', ['ack']);
    await g.users('away');
    const contentOf = (bytes: number) => 'é'.repeat(10) + 'x'.repeat(bytes - largestFrameBytes(BODY) - 20);
    const send = (bytes: number, ref: number) => {
      const chat_content = contentOf(bytes);
      any.send(2, { chat_to: 'bob', chat_content, ref });
      any.send(3, { chat_to: ['away'], chat_content, ref: ref + 1 });
      any.send(4, { chat_content, ref: ref + 2 });
    };
    send(LIMIT + 1, 1);
    for (const ref of [1, 2, 3]) await any.receives(111, { error: 'too_large', message: expect.any(String), ref });
    any.send(2, { chat_to: 'bob', chat_content: contentOf(LIMIT), ref: 4 });
    const { body } = await bob.receives(102);
    expect((body as { chat_content: string }).chat_content).toBe(contentOf(LIMIT));
    expect(await g.mailbox('away')).toEqual([]);
    bob.hasNothingMore();
  });
});

const BODY = '{"chat_from": "any", "chat_content": ""}';
