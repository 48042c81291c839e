import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseMailboxMember } from '../../contract/store/records.ts';
import { changeGroup, deleteGroup, listGroups, readGroup } from '../../contract/store/scripts/groups.ts';
import { type RouteCommand, routeCommands } from '../../contract/store/scripts/route.ts';
import { cancelCommands, releaseScheduled } from '../../contract/store/scripts/schedule.ts';
import { claimSessions } from '../../contract/store/scripts/sessions.ts';
import { drivers, limits, message, openStore, type Store } from './ports.ts';

const audit = { by: 'op', max: 100 };
const LARGE = 2_500;

describe.each(drivers)('groups over %s', (driver) => {
  let store: Store;
  let names = 0;
  let name = '';
  const members = Array.from({ length: LARGE }, (_, n) => `m${n}`);
  beforeAll(async () => {
    store = await openStore(driver);
    await Promise.all(members.map((id) => store.addUser(id)));
  });
  afterAll(() => store.stop());
  beforeEach(async () => {
    names += 1;
    name = `group-${names}`;
    for (const id of ['m0', 'm1', 'm2', `m${LARGE - 1}`]) {
      await store.redis.del(store.keys.mailbox(id), store.keys.mailboxBytes(id));
    }
  });

  const change = (add: readonly string[], remove: readonly string[] = []) =>
    changeGroup(store.port, store.keys, name, { add, remove }, audit, 0);
  async function makeLarge() {
    for (let from = 0; from < LARGE; from += 1_000) await change(members.slice(from, from + 1_000));
  }
  const send = async (to: RouteCommand['to'] | { group: string }, text: string, more: Partial<RouteCommand> = {}) => {
    const target = typeof to === 'object' && 'group' in to ? { to: [], group: to.group } : { to };
    const body = `{"chat_from": "op", "chat_content": "${text}"}`;
    const command = { ...message([]), commandId: 103, body, cancellable: true, ...target, ...more };
    const { answers } = await routeCommands(store.port, store.keys, [command], limits);
    if (!answers[0]) throw new Error('no answer');
    return answers[0];
  };
  const work = () => releaseScheduled(store.port, store.keys, limits, 0);
  async function workOff() {
    // Two gateways at a time.
    while ((await Promise.all([work(), work()])).some(({ nextInMs }) => nextInMs === 0));
  }
  const texts = async (user: string) =>
    (await store.redis.zrange(store.keys.mailbox(user), '0', '-1')).map(
      (member) => /chat_content": "([^"]*)/.exec(parseMailboxMember(member).body)?.[1],
    );

  it('adds and removes members, and exists while it has some', async () => {
    expect(await change(['a', 'b', 'a'])).toBe(2);
    expect(await change(['c', 'd'], ['a', 'd', 'never there'])).toBe(2);
    const page = await readGroup(store.port, store.keys, name, { after: '0', limit: 1 });
    expect(page).toMatchObject({ size: 2, members: ['b'] });
    const next = await readGroup(store.port, store.keys, name, { after: page?.cursor ?? '', limit: 10 });
    expect(next).toEqual({ size: 2, members: ['c'], cursor: undefined });
    expect((await listGroups(store.port, store.keys, { after: '', limit: 500 })).names).toContain(name);
    expect(await change([], ['b', 'c'])).toBe(0);
    expect(await readGroup(store.port, store.keys, name, { after: '0', limit: 1 })).toBeUndefined();
    expect(await deleteGroup(store.port, store.keys, name, audit)).toBe(false);
  });

  it('counts a member that is named twice once: in the audit, and towards the most that a group may have', async () => {
    await change(['a', 'b', 'a']);
    const [record] = await store.redis.xrevrange(store.keys.audit, '+', '-', 'COUNT', 1);
    expect(record?.[1].slice(-2)).toEqual(['recipients', '2']);
    const generation = (await store.redis.hget(store.keys.groupNames, name)) ?? '';
    const fill = "for i = 1, 99997 do redis.call('ZADD', KEYS[1], i, 'filled ' .. i) end";
    await store.redis.eval(fill, 1, store.keys.group(generation));
    expect(await change(['c', 'c'])).toBe(100_000);
    expect(await change(['d'])).toBe('full');
    expect(await change(['d', 'e'], ['a', 'never there'])).toBe('full');
    expect(await change(['d', 'e'], ['a', 'b', 'a'])).toBe(100_000);
    await deleteGroup(store.port, store.keys, name, audit);
  });

  it('sends to a small group at once, under the id of the command', async () => {
    await change(['m0', 'm1', 'unknown']);
    const sent = await send({ group: name }, 'small');
    expect(sent).toMatchObject({ members: 3, scheduled: 0 });
    expect(await texts('m1')).toEqual(['small']);
    expect(await send({ group: 'nobody' }, 'x')).toMatchObject({ id: '0', refusal: 'unknown_group' });
  });

  it('accepts a send to a large group in one step, and serves each member once', async () => {
    await makeLarge();
    const sent = await send({ group: name }, 'large', { receipt: true });
    expect(sent).toMatchObject({ members: LARGE });
    expect(await texts('m0')).toEqual([]);
    await workOff();
    for (const id of ['m0', 'm1', `m${LARGE - 1}`]) expect(await texts(id)).toEqual(['large']);
    const counts = await store.redis.hmget(store.keys.receipt(sent.id), 'c:stored', 'm:members');
    expect(counts).toEqual([String(LARGE), String(LARGE)]);
    expect(await store.redis.exists(store.keys.groupWork, store.keys.senderWork('op'))).toBe(0);
  });

  describe('with some members connected', () => {
    const connected = ['on-1', 'on-2', 'on-3'];
    beforeAll(async () => {
      await store.redis.zadd(store.keys.gateways, Date.now() + 600_000, 'g1');
      for (const userId of connected) {
        await store.addUser(userId);
        const claim = { userId, form: 'plain', proof: { tokenField: 'token' } } as const;
        await claimSessions(store.port, store.keys, { gatewayId: 'g1', highestId: 0 }, 600, [claim]);
      }
    });
    beforeEach(async () => {
      await store.redis.del(store.keys.inbox('g1'));
      await makeLarge();
      await change(connected, ['m0']);
      await change(['m0']);
    });
    afterAll(() => store.redis.del(store.keys.gateways));
    /** The ids of those to whom `text` is on its way, as often as it is. */
    const onTheirWay = async (text: string) =>
      (await store.redis.xrange(store.keys.inbox('g1'), '-', '+')).flatMap(([, fields]) =>
        fields.flatMap((field, at) =>
          at % 2 === 0 && fields[at + 1]?.includes(`"${text}"`)
            ? [...field.matchAll(/"(on-\d)"/g)].map(([, id]) => id)
            : [],
        ),
      );

    it('serves connected members first, and everyone once', async () => {
      await send({ group: name }, 'connected first');
      await work();
      expect((await onTheirWay('connected first')).sort()).toEqual(connected);
      expect(await texts('m0')).toEqual([]);
      await workOff();
      expect((await onTheirWay('connected first')).sort()).toEqual(connected);
      for (const id of ['m0', 'm1', `m${LARGE - 1}`]) expect(await texts(id)).toEqual(['connected first']);
    });

    it('counts each member once when it is cancelled in the middle', async () => {
      const middle = await send({ group: name }, 'in the middle', { receipt: true });
      await work();
      const cancellation = await cancelCommands(store.port, store.keys, [middle.id], audit);
      expect(cancellation).toEqual({ found: 1, cancelled: LARGE, tooLate: connected.length });
    });

    it('counts once each member that a later send served ahead, and each that the work has passed', async () => {
      const first = await send({ group: name }, 'first', { receipt: true });
      await send(['m1', 'm2'], 'second');
      await work();
      const cancellation = await cancelCommands(store.port, store.keys, [first.id], audit);
      // The two have a message after it in their mailboxes, and it is taken back from there, too.
      expect(cancellation).toEqual({ found: 1, cancelled: LARGE, tooLate: connected.length });
    });

    it('does not look through more sessions than there are members', async () => {
      const others = Array.from({ length: LARGE + 10 }, (_, n) => `other-${n}`);
      await store.redis.sadd(store.keys.sessions('g1'), ...others);
      await send({ group: name }, 'by members');
      await work();
      expect(await onTheirWay('by members')).toEqual([]);
      await store.redis.srem(store.keys.sessions('g1'), ...others);
      await workOff();
      expect((await onTheirWay('by members')).sort()).toEqual(connected);
    });
  });

  it('reaches the members at its acceptance, despite later joins and leaves', async () => {
    await makeLarge();
    await send({ group: name }, 'for members');
    await work();
    await store.addUser('newcomer');
    await change(['newcomer'], ['m0', 'm2', `m${LARGE - 1}`]);
    await change(['m2']);
    await workOff();
    for (const id of ['m0', 'm2', `m${LARGE - 1}`]) expect(await texts(id)).toEqual(['for members']);
    expect(await texts('newcomer')).toEqual([]);
  });

  it('reaches the members of a group that was deleted after its acceptance', async () => {
    await makeLarge();
    await send({ group: name }, 'last words');
    await deleteGroup(store.port, store.keys, name, audit);
    expect(await send({ group: name }, 'x')).toMatchObject({ refusal: 'unknown_group' });
    await workOff();
    expect(await texts(`m${LARGE - 1}`)).toEqual(['last words']);
  });

  it("keeps a sender's order: what it sends later does not overtake", async () => {
    await makeLarge();
    const last = `m${LARGE - 1}`;
    await send({ group: name }, '1');
    await send([last, 'm0'], '2');
    await send({ group: name }, '3');
    await send([last], '4');
    await workOff();
    expect(await texts(last)).toEqual(['1', '2', '3', '4']);
    expect(await texts('m0')).toEqual(['1', '2', '3']);
    expect(await texts('m1')).toEqual(['1', '3']);
  });

  it('bounds the sends of one sender that are being worked off', async () => {
    await makeLarge();
    for (let n = 0; n < 4; n += 1) await send({ group: name }, `${n}`);
    expect(await send({ group: name }, '5')).toMatchObject({ id: '0', refusal: 'too_many_group_sends' });
    expect(await send({ group: name }, 'of another', { from: 'other' })).toMatchObject({ members: LARGE });
    await workOff();
    expect(await send({ group: name }, '5')).toMatchObject({ members: LARGE });
    await workOff();
  });

  it('waits for its time, with the members at its acceptance', async () => {
    await change(['m0', 'm1']);
    const sent = await send({ group: name }, 'later', { notBeforeMs: Date.now() + 3_600_000 });
    expect(sent).toMatchObject({ members: 2, scheduled: 2 });
    await change(['m2'], ['m1']);
    await store.redis.zadd(store.keys.scheduled, Date.now() - 1, sent.id);
    await workOff();
    expect([await texts('m0'), await texts('m1'), await texts('m2')]).toEqual([['later'], ['later'], []]);
  });

  it('is cancelled for its members at acceptance, and leaves are kept for the sends that they concern', async () => {
    const later = { notBeforeMs: Date.now() + 3_600_000, receipt: true };
    await change(['m0', 'm1', 'm2']);
    const first = await send({ group: name }, 'first', later);
    await change(['m3'], ['m1']);
    const second = await send({ group: name }, 'second', later);
    await change(['m4', 'm5']);
    await change([], ['m4']);
    const left = store.keys.groupLeft((await store.redis.hget(store.keys.groupNames, name)) ?? '');
    expect(await store.redis.zcard(left)).toBe(1);
    const cancelled = async (id: string) => (await cancelCommands(store.port, store.keys, [id], audit)).cancelled;
    expect([await cancelled(second.id), await cancelled(first.id)]).toEqual([3, 3]);
    expect(await store.redis.exists(left)).toBe(0);
  });

  it('is cancelled for members not yet served, and removed from mailboxes', async () => {
    await makeLarge();
    const sent = await send({ group: name }, 'taken back', { receipt: true });
    await work();
    const cancellation = await cancelCommands(store.port, store.keys, [sent.id], audit);
    expect(cancellation).toEqual({ found: 1, cancelled: LARGE, tooLate: 0 });
    await workOff();
    for (const id of ['m0', `m${LARGE - 1}`]) expect(await texts(id)).toEqual([]);
    expect(await store.redis.hget(store.keys.receipt(sent.id), 'c:cancelled')).toBe(String(LARGE));
  });
});
