import { expect, test } from 'vitest';
import { readReceipt } from '../../contract/store/scripts/receipts.ts';
import { acknowledge } from '../../gateway/commands/acknowledge.ts';
import { Counters } from '../../gateway/observe/counters.ts';
import { Message } from '../../gateway/session/messages.ts';
import type { Session } from '../../gateway/session/session.ts';
import { DeliveryProgress } from '../../gateway/store/delivery-progress.ts';
import { RecentCalls } from '../../gateway/store/recent-calls.ts';
import { gateway, silentLog } from '../kit/gateway.ts';

test('a broadcast with a receipt: an acknowledgement during the rest of the write counts', async () => {
  const g = await gateway();
  const { redis, keys } = g;
  const { verdict } = await g.verified('quick', ['ack']);
  // A broadcast of which this gateway knows nothing: the kernel has taken a part of the write.
  await redis.command('ZADD', keys.gateways, 'XX', 0, g.running.id);
  const { answers } = await g.route({ commandId: 104, to: 'everyone', body: '{}', receipt: true });
  const id = answers[0]?.id ?? '';
  const head = { id, commandId: 104, version: 1100, expiresAtMs: 0, flags: 'r', traceparent: '' };
  const current = { userId: 'quick', epoch: Number(verdict.session) };
  const session = {
    ...current,
    has: () => true,
    acknowledgements: { begin: () => undefined, end: () => undefined },
    reader: { payForWork: () => undefined },
    outbox: { writing: [new Message(head, '{}', 'broadcast')] },
  };
  const settled = new Promise<void>((resolve) => {
    const counters = new Counters();
    const recent = new RecentCalls({ redis, keys, lease: { gatewayId: g.running.id } });
    const progress = new DeliveryProgress({ redis, keys, recent, counters, log: silentLog });
    const settleAcknowledged = (...settled: Parameters<DeliveryProgress['acknowledged']>) =>
      progress.acknowledged(...settled).then(resolve);
    const context = { counters, traces: undefined, progress, sessionStore: { settleAcknowledged } };
    const body = Buffer.from(JSON.stringify({ ids: [id] }));
    const frame = { version: 1, commandId: 6, bodyBytes: body.length, body, bodySource: body, bodyStart: 0 };
    acknowledge(session as unknown as Session, frame as never, context as never);
  });
  await settled;
  const receipt = await readReceipt(redis, keys, id);
  expect(receipt?.recipients).toMatchObject([{ userId: 'quick', state: 'acknowledged' }]);
});
