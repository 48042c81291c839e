import { afterAll, beforeAll, expect, test } from 'vitest';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { repository } from '../kit/process.ts';
import { until } from '../kit/until.ts';
import { startTarget, type Target } from './support/target.ts';

let target: Target;
beforeAll(async () => {
  target = await startTarget({ env: { NODE_OPTIONS: `--import ${repository}test/hostile/support/clock.ts` } });
});
afterAll(() => target.stop());

test("clock set back on the gateway's machine: the lease holds, clients stay, messages keep their order", async () => {
  await target.attack(async () => {
    const client = await target.verified('stays', ['ack']);
    client.send(5);
    target.process.child.kill('SIGUSR2');
    await target.process.line(/the clock was set back/);
    for (let i = 0; i < 5; i += 1) {
      client.send(2, { chat_to: 'stays', chat_content: `${i}` });
      await client.receives(102, expect.objectContaining({ chat_content: `${i}` }));
    }
    const renewed = await target.redis.zrange(target.keys.gateways, '0', '-1', 'WITHSCORES');
    await until('the lease is renewed', async () => {
      const now = await target.redis.zrange(target.keys.gateways, '0', '-1', 'WITHSCORES');
      return Number(now[1]) > Number(renewed[1]);
    });
    expect(await target.metric('fronttcp_lease_losses_total')).toBe(0);
    expect(client.isClosed).toBe(false);
    await client.leave();
  });
});

test("clock set back on Redis's machine: message ids go on from the last one, so nothing is overtaken or lost", async () => {
  await target.attack(async () => {
    const client = await target.verified('ordered', ['ack']);
    // As it stands after Redis's clock was an hour ahead and has been set right.
    const ahead = (Date.now() + 3_600_000) * 1_024;
    await target.redis.set(`${target.keys.prefix}message_id`, String(ahead));
    const ids: number[] = [];
    for (let i = 0; i < 20; i += 1) {
      client.send(2, { chat_to: 'ordered', chat_content: `${i}` });
      const { body } = await client.receives(102, expect.objectContaining({ chat_content: `${i}` }));
      ids.push(Number((body as { id: string }).id));
    }
    // Direct messages of others may have taken some between them.
    const steps = ids.map((id, i) => id - (ids[i - 1] ?? ahead));
    expect(steps.every((step) => step >= 1 && step < 100)).toBe(true);
    client.send(6, { ids: ids.map(String) });
    await until('all are acknowledged', async () => (await target.redis.zcard(target.keys.mailbox('ordered'))) === 0);
    await target.redis.del(`${target.keys.prefix}message_id`);
    await client.leave();
  });
});

test("clock set back on the gateway's machine makes no expired token valid: Redis's clock decides", async () => {
  await target.attack(async () => {
    const expired = Math.floor(Date.now() / 1_000) - 60;
    await target.redis.hset(target.keys.user('late'), { token: tokenAtRest('t'), token_expires_at: expired });
    target.process.child.kill('SIGUSR2');
    const peer = await target.verified('on time');
    expect(await peer.verify('late', { token: 't' })).toEqual({ code: 0 });
    await peer.leave();
  });
});
