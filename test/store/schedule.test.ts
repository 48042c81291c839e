import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { headRest, parseInboxRecord, parseMailboxMember } from '../../contract/store/records.ts';
import { readAskStates } from '../../contract/store/scripts/asks.ts';
import { changeGroup } from '../../contract/store/scripts/groups.ts';
import { stashMessages } from '../../contract/store/scripts/mailbox.ts';
import { type RouteCommand, routeCommands } from '../../contract/store/scripts/route.ts';
import { cancelCommands, releaseScheduled } from '../../contract/store/scripts/schedule.ts';
import { claimSessions } from '../../contract/store/scripts/sessions.ts';
import { writeProgress } from '../../contract/store/scripts/settle.ts';
import { drivers, limits, message, openStore, type Store } from './ports.ts';

const audit = { by: 'op', max: 100 };

describe.each(drivers)('scheduled, keyed and cancelled commands, over %s', (driver) => {
  let store: Store;
  let users = 0;
  beforeAll(async () => {
    store = await openStore(driver);
    await store.redis.zadd(store.keys.gateways, Date.now() + 600_000, 'g1');
  });
  afterAll(() => store.stop());
  beforeEach(() => store.redis.del(store.keys.inbox('g1'), store.keys.scheduled));

  const away = async () => {
    users += 1;
    const id = `u${users}`;
    await store.addUser(id);
    return id;
  };
  const online = async (form: string) => {
    users += 1;
    const id = `u${users}`;
    await store.addUser(id, { gateway: 'g1', epoch: 1, form });
    return id;
  };
  const send = async (to: RouteCommand['to'], more: Partial<RouteCommand> = {}) => {
    const command = message(to, { cancellable: true, ...more });
    const { answers } = await routeCommands(store.port, store.keys, [command], limits);
    const [answer] = answers;
    if (!answer) throw new Error('no answer');
    return answer;
  };
  const soon = () => ({ notBeforeMs: Date.now() + 3_600_000 });
  /** As if its time had come. */
  const makeDue = async (id: string) => {
    await store.redis.zadd(store.keys.scheduled, Date.now() - 1, id);
    return releaseScheduled(store.port, store.keys, limits, 0);
  };
  const bodies = async (user: string) =>
    (await store.redis.zrange(store.keys.mailbox(user), '0', '-1')).map((member) => parseMailboxMember(member).body);
  const state = async (id: string, userId: string) =>
    (await readAskStates(store.port, store.keys, [{ id, userId }]))[0]?.state;
  const inbox = async () =>
    (await store.redis.xrange(store.keys.inbox('g1'), '-', '+')).flatMap(([, fields]) =>
      fields.flatMap((field, at) => (at % 2 === 0 ? [parseInboxRecord(field, fields[at + 1] ?? '')] : [])),
    );
  const body = (text: string) => ({ body: `{"chat_from": "op", "chat_content": "${text}"}` });
  const cancel = (...ids: string[]) => cancelCommands(store.port, store.keys, ids, audit);
  const connect = (userId: string, form: 'plain' | 'ack') =>
    claimSessions(store.port, store.keys, { gatewayId: 'g1', highestId: 0 }, 600, [
      { userId, form, proof: { tokenField: 'token' } },
    ]);

  it('waits until it is due, and is delivered then, under a fresh id', async () => {
    const [user, device] = [await away(), await online('ack')];
    const sent = await send([user, device, 'nobody'], { ...soon(), receipt: true });
    expect(sent).toMatchObject({ online: 0, stored: 0, unknown: 1, scheduled: 2 });
    expect(await state(sent.id, user)).toBe('scheduled');
    const early = await releaseScheduled(store.port, store.keys, limits, 0);
    expect(early.released).toBe(0);
    expect(early.nextInMs).toBeGreaterThan(3_500_000);
    const later = await send([user]);
    expect(await makeDue(sent.id)).toEqual({ released: 1, nextInMs: undefined });
    expect(await state(sent.id, user)).toBe('stored');
    expect(await state(sent.id, device)).toBe('routed');
    const [first, second] = await store.redis.zrange(store.keys.mailbox(user), '0', '-1');
    expect(parseMailboxMember(first ?? '').head.id).toBe(later.id);
    expect(Number(parseMailboxMember(second ?? '').head.id)).toBeGreaterThan(Number(later.id));
    expect(await store.redis.exists(store.keys.scheduledCommand(sent.id))).toBe(0);
  });

  it('counts what happens to it later for the receipt of the command, a reply too', async () => {
    const user = await online('ack');
    const sent = await send([user], { ...soon(), receipt: true, wait: { step: 'reply', instance: 'f1' } });
    await makeDue(sent.id);
    const [record] = await inbox();
    const id = record?.kind === 'message' ? record.head.id : '';
    expect(id).not.toBe(sent.id);
    await writeProgress(store.port, store.keys, [{ messageId: id, userId: user, state: 'written' }]);
    expect(await state(sent.id, user)).toBe('written');
    expect(await writeProgress(store.port, store.keys, [{ ask: id, userId: user, reply: '1' }])).toEqual([1]);
    expect(await state(sent.id, user)).toBe('replied');
  });

  it.each([
    [-6_000, 'not_before_past'],
    [31 * 86_400_000, 'not_before_far'],
  ])('refuses a time %s ms from now: %s', async (offset, refusal) => {
    const sent = await send([await away()], { notBeforeMs: Date.now() + offset });
    expect(sent).toMatchObject({ id: '0', refusal });
  });

  it('takes a time that has just passed as now', async () => {
    const user = await away();
    expect(await send([user], { notBeforeMs: Date.now() - 2_000 })).toMatchObject({ stored: 1, scheduled: 0 });
  });

  it('releases a long list and many commands in bounded calls, each recipient once', async () => {
    const list = await Promise.all(Array.from({ length: 1_000 }, away));
    const large = { body: `{"chat_from": "op", "chat_content": "${'x'.repeat(700)}"}` };
    for (let n = 0; n < 3; n += 1) {
      const { id } = await send(list, { ...soon(), ...large });
      await store.redis.zadd(store.keys.scheduled, Date.now() - 1, id);
    }
    const release = () => releaseScheduled(store.port, store.keys, limits, 0);
    const first = await release();
    expect([first.nextInMs, (await bodies(list.at(-1) ?? '')).length]).toEqual([0, 0]);
    // Two gateways at a time.
    while ((await Promise.all([release(), release()])).some(({ nextInMs }) => nextInMs === 0));
    const sizes = await Promise.all(list.map((user) => store.redis.zcard(store.keys.mailbox(user))));
    expect(new Set(sizes)).toEqual(new Set([3]));
  });

  it('cancels what is scheduled, and returns 0 when called again', async () => {
    const user = await away();
    const sent = await send([user], { ...soon(), receipt: true });
    expect(await cancel(sent.id)).toEqual({ found: 1, cancelled: 1, tooLate: 0 });
    expect(await state(sent.id, user)).toBe('cancelled');
    expect(await cancel(sent.id)).toEqual({ found: 1, cancelled: 0, tooLate: 0 });
    await makeDue(sent.id);
    expect(await bodies(user)).toEqual([]);
  });

  it('cancels messages in mailboxes, and returns for how many it is too late', async () => {
    const [waiting, connected, came] = [await away(), await online('plain'), await away()];
    const sent = await send([waiting, connected, came], { receipt: true });
    await connect(came, 'ack');
    expect(await cancel(sent.id)).toEqual({ found: 1, cancelled: 1, tooLate: 2 });
    expect([await bodies(waiting), await state(sent.id, waiting)]).toEqual([[], 'cancelled']);
    expect(await bodies(came)).toHaveLength(1);
    expect(await cancel(sent.id)).toEqual({ found: 1, cancelled: 0, tooLate: 2 });
    expect(await cancel('123')).toEqual({ found: 0, cancelled: 0, tooLate: 0 });
  });

  it('leaves an application message for a plain client waiting: it was not written', async () => {
    const user = await away();
    const sent = await send([user], { commandId: 2000, body: '{}' });
    await connect(user, 'plain');
    expect(await cancel(sent.id)).toEqual({ found: 1, cancelled: 1, tooLate: 0 });
  });

  it('keeps one per key and recipient: the newest, stored or scheduled', async () => {
    const [user, other] = [await away(), await away()];
    const keyed = { replaces: 'level', receipt: true };
    const first = await send([user, other], { ...keyed, ...body('1') });
    const timed = await send([user], { ...keyed, ...soon(), ...body('2') });
    const last = await send([user], { ...keyed, ...body('3') });
    await send([user], { ...body('without a key') });
    expect(await state(first.id, user)).toBe('replaced');
    expect(await state(first.id, other)).toBe('stored');
    expect(await state(timed.id, user)).toBe('replaced');
    await makeDue(timed.id);
    expect(await bodies(user)).toEqual([body('3').body, body('without a key').body]);
    expect(await state(last.id, user)).toBe('stored');
  });

  it('delivers a command with a time and a key when it is due, and its receipt says so', async () => {
    const user = await away();
    const timed = await send([user], { replaces: 'level', receipt: true, ...soon() });
    await makeDue(timed.id);
    expect(await bodies(user)).toHaveLength(1);
    expect(await state(timed.id, user)).toBe('stored');
  });

  it('does not bring back a replaced command when its gateway puts it back', async () => {
    const user = await online('plain');
    const first = await send([user], { replaces: 'level', receipt: true, ...body('1') });
    await store.redis.hdel(store.keys.user(user), 'gateway', 'form');
    await send([user], { replaces: 'level', receipt: true, ...body('2') });
    const [record] = await inbox();
    if (record?.kind !== 'message') throw new Error('no message');
    const back = [{ userIds: [user], id: record.head.id, rest: headRest(record.head), body: record.body }];
    await stashMessages(store.port, store.keys, limits, back, 'call', 0);
    expect(await bodies(user)).toEqual([body('2').body]);
    expect(await state(first.id, user)).toBe('replaced');
  });

  it('keeps a written message: the client has it', async () => {
    const user = await online('ack');
    const first = await send([user], { replaces: 'level', receipt: true, ...body('1') });
    await writeProgress(store.port, store.keys, [{ messageId: first.id, userId: user, state: 'written' }]);
    await store.redis.hdel(store.keys.user(user), 'gateway', 'form');
    await send([user], { replaces: 'level', receipt: true, ...body('2') });
    expect(await state(first.id, user)).toBe('written');
    expect(await bodies(user)).toEqual([body('1').body, body('2').body]);
  });

  it('forgets keys without a waiting message, and refuses more than a thousand with one', async () => {
    const user = await away();
    const key = store.keys.replaces(user);
    await store.redis.hset(key, Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, String(n + 1)])));
    expect((await send([user], { replaces: 'one more', receipt: true })).refusal).toBeUndefined();
    expect(await store.redis.hlen(key)).toBe(1);
    const commands = Array.from({ length: 1_000 }, (_, n) => store.keys.scheduledCommand(String(n + 1)));
    await Promise.all(commands.map((one) => store.redis.hset(one, 'x', '1')));
    await store.redis.hset(key, Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, String(n + 1)])));
    expect((await send([user], { replaces: 'too many', receipt: true })).refusal).toBe('too_many_keys');
  });

  it('does not bring back a replaced command with a time when its key was forgotten', async () => {
    const user = await away();
    const keyed = (replaces: string) => ({ replaces, receipt: true });
    const [level, mode] = [
      await send([user], { ...keyed('level'), ...soon() }),
      await send([user], { ...keyed('mode'), ...soon() }),
    ];
    for (const name of ['level', 'mode']) await send([user], { ...keyed(name), ...body('delivered') });
    await store.redis.del(store.keys.mailbox(user), store.keys.mailboxBytes(user));
    const stale = Array.from({ length: 998 }, (_, n) => [`k${n}`, String(n + 1)]);
    await store.redis.hset(store.keys.replaces(user), Object.fromEntries(stale));
    await send([user], { ...keyed('one more'), ...body('new') });
    await makeDue(level.id);
    expect(await bodies(user)).toEqual([body('new').body]);
    expect(await cancel(mode.id)).toEqual({ found: 1, cancelled: 0, tooLate: 0 });
    expect([await state(level.id, user), await state(mode.id, user)]).toEqual(['replaced', 'replaced']);
  });

  it('remembers keys for as long as the latest command with one may wait', async () => {
    const user = await away();
    const inTenDays = { notBeforeMs: Date.now() + 864_000_000 };
    await send([user], { replaces: 'level', receipt: true, ...inTenDays });
    await send([user], { replaces: 'mode', receipt: true });
    expect(await store.redis.ttl(store.keys.replaces(user))).toBeGreaterThan(864_000);
  });

  it('bounds the keys of a member of a group, too: those without a waiting message go first', async () => {
    const [user, crowded] = [await away(), await away()];
    await changeGroup(store.port, store.keys, user, { add: [user, crowded], remove: [] }, audit, 0);
    const stale = Array.from({ length: 1_500 }, (_, n) => [`k${n}`, String(100_000 + n)]);
    await store.redis.hset(store.keys.replaces(user), Object.fromEntries(stale));
    const waiting = Array.from({ length: 2_000 }, (_, n) => [`k${n}`, String(200_000 + n)] as const);
    await Promise.all(waiting.map(([, id]) => store.redis.hset(store.keys.scheduledCommand(id), 'x', '1')));
    await store.redis.hset(store.keys.replaces(crowded), Object.fromEntries(waiting));
    const commands = Array.from({ length: 60 }, (_, n) =>
      message([], { commandId: 103, group: user, replaces: `fresh${n}`, receipt: true }),
    );
    await routeCommands(store.port, store.keys, commands, { ...limits, mailboxMax: 100 });
    expect(await store.redis.hlen(store.keys.replaces(user))).toBeLessThanOrEqual(1_000);
    expect(await store.redis.hlen(store.keys.replaces(crowded))).toBeLessThanOrEqual(2_000);
    const { length } = await bodies(user);
    expect(length).toBe(60);
  });
});
