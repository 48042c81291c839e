import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseMailboxMember } from '../../contract/store/records.ts';
import { readAskStates } from '../../contract/store/scripts/asks.ts';
import { buryGateway } from '../../contract/store/scripts/gateways.ts';
import { changeGroup } from '../../contract/store/scripts/groups.ts';
import { readMailbox, stashMessages } from '../../contract/store/scripts/mailbox.ts';
import { type RouteCommand, routeCommands } from '../../contract/store/scripts/route.ts';
import { releaseScheduled } from '../../contract/store/scripts/schedule.ts';
import { withdrawCommands, withdrawnMessages } from '../../contract/store/scripts/withdraw.ts';
import { drivers, limits, message, openStore, type Store } from './ports.ts';

const receipt = { receipt: true };

describe.each(drivers)('the withdraw script over %s', (driver) => {
  let store: Store;
  let made = 0;
  beforeAll(async () => {
    store = await openStore(driver);
    await store.redis.zadd(store.keys.gateways, Date.now() + 600_000, 'g1');
    await store.addUser('plain', { gateway: 'g1', epoch: 1, form: 'plain' });
    await store.addUser('acker', { gateway: 'g1', epoch: 2, form: 'ack' });
    await store.addUser('away', { epoch: 3 });
  });
  afterAll(() => store.stop());

  const request = () => {
    made += 1;
    const key = `idempotency::${made}`;
    return {
      route: (commands: RouteCommand[]) =>
        routeCommands(store.port, store.keys, commands, {
          ...limits,
          idempotency: { key, digest: '-', ttlSeconds: 10 },
        }),
      withdraw: (commands: RouteCommand[]) =>
        withdrawCommands(store.port, store.keys, commands, { idempotencyKey: key, auditMax: 10 }),
    };
  };
  const stored = async () =>
    Promise.all(['plain', 'acker', 'away'].map((user) => store.redis.zcard(store.keys.mailbox(user))));

  it('withdraws all messages of a request, and no other', async () => {
    const [kept, taken] = [request(), request()];
    await kept.route([message(['acker', 'away'])]);
    const commands = [message(['acker', 'away', 'nobody'], receipt), message('everyone'), message(['away', 'plain'])];
    const { answers } = await taken.route(commands);
    expect(await stored()).toEqual([0, 2, 3]);
    expect(await taken.withdraw(commands)).toBe(3);
    expect(await stored()).toEqual([0, 1, 1]);
    const ids = answers.map(({ id }) => id);
    expect(await withdrawnMessages(store.port, store.keys, ids[0] ?? '', ids[2] ?? '')).toEqual(new Set(ids));
    expect(await store.redis.exists(store.keys.receipt(ids[0] ?? ''))).toBe(0);
    expect(await store.redis.ttl(store.keys.withdrawn)).toBeGreaterThan(0);
    const audit = await store.redis.xrevrange(store.keys.audit, '+', '-', 'COUNT', 3);
    expect(audit.map(([, fields]) => fields.slice(2, 6))).toEqual(
      ids.toReversed().map(() => ['by', 'op', 'kind', 'withdraw']),
    );
    expect(await taken.withdraw(commands)).toBe(0);
    expect(await stored()).toEqual([0, 1, 1]);
  });

  it('withdraws a group message from connected members, too', async () => {
    await changeGroup(store.port, store.keys, 'crew', { add: ['acker', 'away'], remove: [] }, { by: 'op', max: 0 }, 0);
    const before = await stored();
    const sent = request();
    const commands = [message([], { commandId: 103, group: 'crew', cancellable: true })];
    await sent.route(commands);
    expect(await stored()).toEqual(before.map((count, at) => count + (at === 0 ? 0 : 1)));
    expect(await sent.withdraw(commands)).toBe(1);
    expect(await stored()).toEqual(before);
  });

  it('frees the place of a send to a large group: the sender may send more', async () => {
    const members = Array.from({ length: 1_001 }, (_, n) => `large-${n}`);
    const change = (add: string[]) =>
      changeGroup(store.port, store.keys, 'large', { add, remove: [] }, { by: 'op', max: 0 }, 0);
    await change(members.slice(0, 1_000));
    await change(members.slice(1_000));
    const commands = [message([], { commandId: 103, group: 'large', from: 'busy', receipt: true })];
    for (let n = 0; n < 5; n += 1) {
      const sent = request();
      const { answers } = await sent.route(commands);
      expect(answers).toMatchObject([{ members: 1_001 }]);
      expect(await sent.withdraw(commands)).toBe(1);
      const id = answers[0]?.id ?? '';
      const { scheduledCommand, receipt: receiptKey, groupWork, senderWork } = store.keys;
      const left = [scheduledCommand(id), receiptKey(id), groupWork, senderWork('busy')];
      expect(await store.redis.exists(...left)).toBe(0);
    }
  });

  describe('a command that replaced an older one', () => {
    let user = '';
    beforeEach(async () => {
      made += 1;
      user = `keyed-${made}`;
      await store.addUser(user);
    });
    const keyed = (text: string, more: Partial<RouteCommand> = {}) =>
      message([user], {
        replaces: 'level',
        receipt: true,
        body: `{"chat_from": "op", "chat_content": "${text}"}`,
        ...more,
      });
    const send = async (commands: RouteCommand[]) => {
      const sent = request();
      const { answers } = await sent.route(commands);
      return { id: answers[0]?.id ?? '', withdraw: () => sent.withdraw(commands) };
    };
    const bodies = async () =>
      (await store.redis.zrange(store.keys.mailbox(user), '0', '-1')).map((member) => parseMailboxMember(member).body);
    const state = async (id: string) => (await readAskStates(store.port, store.keys, [{ id, userId: user }]))[0]?.state;
    const newest = () => store.redis.hget(store.keys.replaces(user), 'level');

    it('gives its place back: the older one waits again', async () => {
      const first = await send([keyed('1')]);
      const bytes = await store.redis.get(store.keys.mailboxBytes(user));
      const second = await send([keyed('2')]);
      expect([await bodies(), await state(first.id)]).toEqual([[keyed('2').body], 'replaced']);
      await second.withdraw();
      await second.withdraw();
      expect([await bodies(), await state(first.id)]).toEqual([[keyed('1').body], 'stored']);
      expect(await newest()).toBe(first.id);
      expect(await store.redis.get(store.keys.mailboxBytes(user))).toBe(bytes);
      const third = await send([keyed('3')]);
      expect([await bodies(), await newest()]).toEqual([[keyed('3').body], third.id]);
    });

    it('leaves nothing behind when there was no older one, and does not undo a newer one', async () => {
      const only = await send([keyed('1')]);
      await only.withdraw();
      expect([await bodies(), await newest()]).toEqual([[], null]);
      const first = await send([keyed('1')]);
      const second = await send([keyed('2')]);
      const third = await send([keyed('3')]);
      await second.withdraw();
      expect([await bodies(), await newest()]).toEqual([[keyed('3').body], third.id]);
      await third.withdraw();
      expect([await bodies(), await state(first.id)]).toEqual([[keyed('1').body], 'stored']);
      expect(await newest()).toBe(first.id);
    });

    it('gives its place back to one with a time', async () => {
      const timed = await send([keyed('at its time', { notBeforeMs: Date.now() + 3_600_000 })]);
      const second = await send([keyed('2')]);
      expect(await state(timed.id)).toBe('replaced');
      await second.withdraw();
      expect([await state(timed.id), await newest()]).toEqual(['scheduled', timed.id]);
      await store.redis.zadd(store.keys.scheduled, Date.now() - 1, timed.id);
      await releaseScheduled(store.port, store.keys, limits, 0);
      expect(await bodies()).toEqual([keyed('at its time').body]);
    });

    it('brings back a body that was stored once for several users', async () => {
      await store.addUser(`${user}-b`);
      const to = [user, `${user}-b`];
      const large = keyed('x'.repeat(2_000), { to });
      await send([large]);
      const second = await send([keyed('2', { to })]);
      await second.withdraw();
      const whole = { after: '0', max: 10, lostReported: 0, waitsForNobody: true };
      await store.redis.hset(store.keys.user(user), 'epoch', 1);
      const page = await readMailbox(store.port, store.keys, { userId: user, epoch: 1 }, whole);
      expect(page).toMatchObject({ messages: [{ body: large.body }] });
    });
  });

  it('hides messages in mailboxes that it has not reached yet', async () => {
    const sent = request();
    const { answers } = await sent.route([message(['away', 'acker'])]);
    const before = await stored();
    // A part of the request: the other recipient is still to come.
    await sent.withdraw([message(['acker'])]);
    const whole = { after: '0', max: 10, lostReported: 0, waitsForNobody: true };
    const page = await readMailbox(store.port, store.keys, { userId: 'away', epoch: 3 }, whole);
    expect(JSON.stringify(page)).not.toContain(answers[0]?.id);
    expect((await stored())[2]).toBe((before[2] ?? 0) - 1);
  });

  it('keeps a request that it overtakes from being carried out', async () => {
    const late = request();
    const before = await stored();
    expect(await late.withdraw([message(['away'])])).toBe(0);
    expect(await late.route([message(['away'])])).toMatchObject({ status: 'conflict', answers: [] });
    expect(await stored()).toEqual(before);
  });

  it('is respected by gateways that put messages back, and by burials', async () => {
    const taken = request();
    const before = await stored();
    const { answers } = await taken.route([message(['plain'])]);
    await taken.withdraw([message(['plain'])]);
    const id = answers[0]?.id ?? '';
    await stashMessages(
      store.port,
      store.keys,
      limits,
      [{ userIds: ['plain'], id, rest: '102,1100,0,"",""', body: '{}' }],
      'x',
      0,
    );
    expect(await stored()).toEqual(before);
    await store.redis.zadd(store.keys.gateways, 1, 'g1');
    expect(await buryGateway(store.port, store.keys, 'g1', limits, { leaving: false })).toMatchObject({
      outcome: 'done',
    });
    expect(await store.redis.zscore(store.keys.mailbox('plain'), id)).toBe(null);
    expect(await store.redis.zcount(store.keys.mailbox('plain'), id, id)).toBe(0);
  });
});
