import { expect, test } from 'vitest';
import { gateway } from '../kit/gateway.ts';

test('MAX_ACCEPTS_PER_S: connections over twice that at once are refused, and the next second has room', async () => {
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
