import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAskStates } from '../../contract/store/scripts/asks.ts';
import { type RouteCommand, routeCommands } from '../../contract/store/scripts/route.ts';
import { writeProgress } from '../../contract/store/scripts/settle.ts';
import { drivers, limits, message, openStore, type Store } from './ports.ts';

describe.each(drivers)('commands with a waiting caller, over %s', (driver) => {
  let store: Store;
  beforeAll(async () => {
    store = await openStore(driver);
    await store.redis.zadd(store.keys.gateways, Date.now() + 600_000, 'g1');
    await store.addUser('away');
    for (const form of ['plain', 'extended', 'ack']) await store.addUser(form, { gateway: 'g1', epoch: 1, form });
  });
  afterAll(() => store.stop());

  const send = async (to: string, more: Partial<RouteCommand>) => {
    const command = message([to], { receipt: true, ...more });
    const { answers } = await routeCommands(store.port, store.keys, [command], limits);
    return answers[0];
  };
  const ask = (to: string) => send(to, { wait: { step: 'reply', instance: 'f1' } });
  const notices = async (instance: string) =>
    (await store.redis.xrange(store.keys.waits(instance), '-', '+')).map(([, [, id]]) => id);
  const state = async (id: string, userId: string) =>
    (await readAskStates(store.port, store.keys, [{ id, userId }]))[0];
  const reply = async (id: string, userId: string, text: string) =>
    (await writeProgress(store.port, store.keys, [{ ask: id, userId, reply: text }]))[0];

  it.each([
    ['away', { failIfAway: true }, 'away'],
    ['nobody', { failIfAway: true }, 'unknown_user'],
    ['nobody', { wait: { step: 'written', instance: 'f1' } }, 'unknown_user'],
    ['plain', { wait: { step: 'reply', instance: 'f1' } }, 'cannot_reply'],
    ['plain', { wait: { step: 'acknowledged', instance: 'f1' } }, 'cannot_acknowledge'],
    ['extended', { wait: { step: 'acknowledged', instance: 'f1' } }, 'cannot_acknowledge'],
    ['plain', { commandId: 2000, failIfAway: true }, 'away'],
  ] as const)('refuses a wait that %s cannot satisfy (%j), and sends nothing: %s', async (to, more, refusal) => {
    const before = await store.redis.xlen(store.keys.inbox('g1'));
    expect(await send(to, more)).toEqual({ id: '0', online: 0, stored: 0, unknown: 0, scheduled: 0, refusal });
    expect(await store.redis.xlen(store.keys.inbox('g1'))).toBe(before);
    expect(await store.redis.zcard(store.keys.mailbox(to))).toBe(0);
  });

  it('checks a refused command again when its idempotency key is used again', async () => {
    await store.addUser('late');
    const command = message(['late'], { receipt: true, failIfAway: true });
    const idempotency = { key: 'idempotency:op:k', digest: 'd', ttlSeconds: 60 };
    const attempt = () => routeCommands(store.port, store.keys, [command], { ...limits, idempotency });
    expect((await attempt()).answers[0]?.refusal).toBe('away');
    await store.addUser('late', { gateway: 'g1', epoch: 1, form: 'plain' });
    expect((await attempt()).answers[0]).toMatchObject({ online: 1 });
    expect((await attempt()).status).toBe('replay');
  });

  it('notifies the waiting instance of its step and of an end, of nothing else', async () => {
    const sent = await send('ack', { wait: { step: 'acknowledged', instance: 'f2' } });
    const id = sent?.id ?? '';
    const mark = (step: 'written' | 'acknowledged') =>
      writeProgress(store.port, store.keys, [{ messageId: id, userId: 'ack', state: step }]);
    await mark('written');
    expect(await notices('f2')).toEqual([]);
    await mark('acknowledged');
    expect(await notices('f2')).toEqual([id]);
    expect(await store.redis.pttl(store.keys.waits('f2'))).toBeGreaterThan(0);
    const other = await send('ack', { wait: { step: 'reply', instance: 'f2' } });
    const steps = [{ messageId: other?.id ?? '', userId: 'ack', state: 'expired' as const }];
    await writeProgress(store.port, store.keys, steps);
    expect(await notices('f2')).toEqual([id, other?.id]);
  });

  it('takes the first reply of the asked user, as it was written', async () => {
    const id = (await ask('extended'))?.id ?? '';
    expect(await reply(id, 'ack', '"not asked"')).toBe(0);
    expect(await reply(id, 'extended', '{"big":12345678901234567890}')).toBe(1);
    expect(await reply(id, 'extended', '"second"')).toBe(0);
    expect(await state(id, 'extended')).toMatchObject({ state: 'replied', reply: '{"big":12345678901234567890}' });
    expect(await notices('f1')).toContain(id);
  });

  it('ignores replies to a message that never asked, is finished, or is unknown', async () => {
    const noAsk = (await send('extended', {}))?.id ?? '';
    const over = (await ask('extended'))?.id ?? '';
    await writeProgress(store.port, store.keys, [{ messageId: over, userId: 'extended', state: 'expired' }]);
    for (const id of [noAsk, over, '123']) expect(await reply(id, 'extended', '1')).toBe(0);
    expect(await state('123', 'extended')).toBeUndefined();
  });
});
