import { expect, test } from 'vitest';
import { frameBytes } from '../kit/peer.ts';
import { chat, gateway } from './support/gateway.ts';

test('FRAME_TIMEOUT_MS: a frame that was begun and is not ended closes a verified connection; who waits between frames stays', async () => {
  const g = await gateway({ FRAME_TIMEOUT_MS: '300' });
  const loris = await g.verified('loris', ['goodbye']);
  const quiet = await g.verified('quiet');
  const frame = frameBytes(2, { chat_to: 'quiet', chat_content: 'never ends' });
  loris.sendBytes(frame, frame.subarray(0, 13));
  // A byte now and then is no progress to speak of.
  const dripping = setInterval(() => loris.sendBytes(Buffer.from('x')), 100);
  await loris.receives(112, { reason: 'frame_timeout', reconnect_after_ms: expect.any(Number) });
  clearInterval(dripping);
  await quiet.receives(102, chat('loris', 'never ends'));
  quiet.send(2, { chat_to: 'quiet', chat_content: 'still here' });
  await quiet.receives(102, chat('quiet', 'still here'));
});

test('MAX_ACCEPTS_PER_S: more in a moment than twice that are turned away, and the next moment has room', async () => {
  const g = await gateway({ MAX_ACCEPTS_PER_S: '2' });
  await g.users('u');
  const peers = await Promise.all(Array.from({ length: 12 }, () => g.peer()));
  for (const peer of peers) peer.send(1, { phone_number: 'nobody', token: 'x' });
  const answered = await Promise.all(
    peers.map((peer) =>
      peer.next().then(
        () => true,
        () => false,
      ),
    ),
  );
  expect(answered.filter(Boolean).length).toBeGreaterThanOrEqual(4);
  expect(answered.filter((got) => !got).length).toBeGreaterThanOrEqual(4);
  const text = await (await fetch(`http://127.0.0.1:${g.running.healthPort}/metrics`)).text();
  expect(text).toMatch(/fronttcp_connections_refused_total\{reason="accept_rate"\} [4-8]/);
});
