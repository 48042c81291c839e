import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseInboxRecord, parseMailboxMember } from '../../contract/store/records.ts';
import { buryGateway, holdLease } from '../../contract/store/scripts/gateways.ts';
import { readMailbox, stashMessages } from '../../contract/store/scripts/mailbox.ts';
import { readReceipt } from '../../contract/store/scripts/receipts.ts';
import { routeCommands } from '../../contract/store/scripts/route.ts';
import { claimSessions, disconnectUser, releaseSession } from '../../contract/store/scripts/sessions.ts';
import { settleMessages, writeProgress } from '../../contract/store/scripts/settle.ts';
import type { SessionForm } from '../../contract/wire/session-form.ts';
import { DEFAULT_LEASE_MS } from '../../shared/limits.ts';
import { drivers, limits, message, openStore, type Store } from './ports.ts';

describe.each(drivers)('sessions over %s', (driver) => {
  let store: Store;
  let user: string;
  let made = 0;
  beforeAll(async () => {
    store = await openStore(driver);
    for (const gateway of ['g1', 'g2']) await hold(gateway, undefined, DEFAULT_LEASE_MS * 60);
  });
  beforeEach(async () => {
    made += 1;
    user = `u:${made}"名`;
    await store.addUser(user);
    await store.redis.del(store.keys.inbox('g1'), store.keys.inbox('g2'));
  });
  afterAll(() => store.stop());

  const hold = (gatewayId: string, sinceLastMs: number | undefined, leaseMs = DEFAULT_LEASE_MS, highestId = 0) =>
    holdLease(store.port, store.keys, { gatewayId, leaseMs, highestId, sinceLastMs, fields: {} });
  const claim = async (gateway: string, form: SessionForm = 'ack', tokenField = 'token') => {
    const results = await claimSessions(store.port, store.keys, { gatewayId: gateway, highestId: 0 }, 600, [
      { userId: user, form, proof: { tokenField } },
    ]);
    if (results === 'no_lease') return results;
    return results[0];
  };
  const claimed = async (gateway: string, form?: SessionForm) => {
    const result = await claim(gateway, form);
    if (result === undefined || result === 'no_lease' || result.status !== 'claimed') throw new Error('not claimed');
    return result;
  };
  const session = () => store.redis.hmget(store.keys.user(user), 'gateway', 'epoch');
  const send = (more: object = {}) => routeCommands(store.port, store.keys, [message([user], more)], limits);
  const inbox = async (gateway: string) =>
    (await store.redis.xrange(store.keys.inbox(gateway), '-', '+')).flatMap(([, fields]) =>
      fields.flatMap((field, at) => (at % 2 === 0 ? [parseInboxRecord(field, fields[at + 1] ?? '')] : [])),
    );
  const page = (epoch: number, from: { after?: string; waitsForNobody?: boolean } = {}) => {
    const rest = { after: '0', max: 10, lostReported: 0, waitsForNobody: true, ...from };
    return readMailbox(store.port, store.keys, { userId: user, epoch }, rest);
  };
  const read = async (epoch: number, after = '0') => {
    const read = await page(epoch, { after });
    if (typeof read === 'string') throw new Error(`the page is ${read}`);
    return read.messages;
  };

  it('are claimed with the token that was checked, and each claim has the next epoch', async () => {
    const first = await claimed('g1');
    const second = await claimed('g2');
    expect(second.epoch).toBeGreaterThan(first.epoch);
    expect(await session()).toEqual(['g2', String(second.epoch)]);
    expect(await inbox('g1')).toMatchObject([
      { kind: 'close', userId: user, epoch: first.epoch, reason: 'taken_over' },
    ]);
    expect(await store.redis.smembers(store.keys.sessions('g1'))).not.toContain(user);
    expect(await claim('g1', 'ack', 'another token')).toEqual({ status: 'refused' });
    await store.redis.hset(store.keys.user(user), 'token_expires_at', 1_000);
    expect(await claim('g1')).toEqual({ status: 'refused' });
    expect(await claim('g-without-lease')).toBe('no_lease');
    expect(await session()).toEqual(['g2', String(second.epoch)]);
  });

  it('are claimed once by a call that is sent twice; a copy that comes late does not take them back', async () => {
    const claims = async (call: string, n = 1) => {
      const request = { userId: user, form: 'ack', proof: { tokenField: 'token' } } as const;
      const claimant = { gatewayId: 'g1', highestId: 0, call: `g1:${made}${call}` };
      return claimSessions(store.port, store.keys, claimant, 600, Array<typeof request>(n).fill(request));
    };
    const first = await claims('1');
    expect(first).toMatchObject([{ status: 'claimed' }]);
    expect(await claims('1')).toEqual(first);
    expect(await inbox('g1')).toEqual([]);
    const superseded = { status: 'superseded', reason: '' };
    const elsewhere = await claimed('g2');
    expect(await claims('1')).toEqual([superseded]);
    expect(await session()).toEqual(['g2', String(elsewhere.epoch)]);
    expect(await claims('2', 2)).toMatchObject([{ status: 'claimed' }, { status: 'claimed' }]);
    const [, epoch] = await session();
    expect(await claims('2', 2)).toMatchObject([superseded, { status: 'claimed', epoch: Number(epoch) }]);
    expect(await claims('1')).toEqual([superseded]);
    expect(await session()).toEqual(['g1', epoch]);
    await disconnectUser(store.port, store.keys, user, { reason: 'kicked', revoke: false });
    expect(await claims('2')).toEqual([{ status: 'superseded', reason: 'kicked' }]);
    expect(await session()).toEqual([null, expect.any(String)]);
  });

  it('that were resumed by a call that failed half-way are among those of the gateway when it is repeated', async () => {
    const { epoch } = await claimed('g1');
    const proof = { resumeEpoch: epoch, sinceEpoch: epoch, holder: 'g1' };
    const resume = (...users: string[]) =>
      claimSessions(
        store.port,
        store.keys,
        { gatewayId: 'g2', highestId: 0 },
        600,
        users.map((userId) => ({ userId, form: 'ack', proof })),
      );
    await store.redis.set(store.keys.user('damaged'), 'no hash');
    await expect(resume(user, 'damaged')).rejects.toThrow(/WRONGTYPE/);
    expect(await resume(user)).toMatchObject([{ status: 'claimed' }]);
    expect(await store.redis.smembers(store.keys.sessions('g2'))).toContain(user);
    expect(await store.redis.zscore(store.keys.users, user)).not.toBe(null);
  });

  it('are resumed by the holder of the epoch, and by nobody else', async () => {
    const { epoch } = await claimed('g1');
    const resume = (resumeEpoch: number, sinceEpoch = resumeEpoch) =>
      claimSessions(store.port, store.keys, { gatewayId: 'g2', highestId: 0 }, 600, [
        { userId: user, form: 'ack', proof: { resumeEpoch, sinceEpoch, holder: 'g1' } },
      ]);
    const [resumed] = (await resume(epoch)) as [{ status: string; epoch: number }];
    expect(resumed).toMatchObject({ status: 'claimed', epoch: expect.any(Number) });
    expect(resumed.epoch).toBeGreaterThan(epoch);
    const newer = await claimed('g1');
    expect(await resume(resumed.epoch, epoch)).toEqual([{ status: 'superseded', reason: '' }]);
    expect(await resume(resumed.epoch)).toEqual([{ status: 'superseded', reason: '' }]);
    // Never so in one history of the store, but an epoch alone names nobody.
    await store.redis.hset(store.keys.user(user), 'gateway', 'g3');
    expect(await resume(newer.epoch)).toEqual([{ status: 'superseded', reason: '' }]);
  });

  it('are not ended by a late release of an older epoch, whose put-back messages are kept', async () => {
    const old = await claimed('g1');
    const current = await claimed('g2');
    const release = (gateway: string, epoch: number, rest: string) =>
      releaseSession(store.port, store.keys, limits, {
        highestId: 0,
        session: { userId: user, epoch, holder: gateway },
        reason: 'closed',
        handsOver: true,
        undelivered: [{ id: '7', rest, body: '{"a": 1}' }],
        call: `call-${made}-${epoch}`,
      });
    expect(await release('g1', old.epoch, '102,1100,0,"",""')).toBe(false);
    expect(await session()).toEqual(['g2', String(current.epoch)]);
    expect(await read(current.epoch)).toMatchObject([{ head: { id: '7', commandId: 102 }, body: '{"a": 1}' }]);
    expect(await release('g2', current.epoch, '102,1100,0,"",""')).toBe(true);
    expect(await session()).toEqual([null, String(current.epoch)]);
    expect(await store.redis.zcard(store.keys.mailbox(user))).toBe(1);
    // It was delivered, and an old connection brings the call once more.
    await store.redis.del(store.keys.mailbox(user));
    await release('g2', current.epoch, '102,1100,0,"",""');
    expect(await store.redis.zcard(store.keys.mailbox(user))).toBe(0);
  });

  it('read their mailbox in order and settle it; an older epoch does neither', async () => {
    const first = await send({ receipt: true });
    await send();
    const { epoch } = await claimed('g1');
    const messages = await read(epoch);
    expect(messages.map(({ head }) => head.id)).toEqual([...messages.map(({ head }) => head.id)].sort());
    const [id = ''] = messages.map(({ head }) => head.id);
    expect(id).toBe(first.answers[0]?.id);
    const settle = (at: number, ids: string[]) =>
      settleMessages(store.port, store.keys, [{ session: { userId: user, epoch: at }, state: 'acknowledged', ids }]);
    expect(await settle(epoch - 1, [id])).toEqual([-1]);
    expect(await settle(epoch, [id, id, '99'])).toEqual([1]);
    expect(await read(epoch, id)).toHaveLength(1);
    expect(await page(epoch - 1)).toBe('stale');
    const receipt = await readReceipt(store.port, store.keys, id);
    expect(receipt?.recipients).toMatchObject([{ userId: user, state: 'acknowledged' }]);
  });

  it('that acknowledged a broadcast are noted in its receipt, also once another has taken over', async () => {
    const old = await claimed('g1', 'ack');
    const stored = await routeCommands(store.port, store.keys, [message([user], { receipt: true })], limits);
    const everyone = message('everyone', { commandId: 104, receipt: true });
    const sent = await routeCommands(store.port, store.keys, [everyone, everyone], limits);
    const ids = [...stored.answers, ...sent.answers].map(({ id }) => id);
    const [inMailbox = '', broadcast = '', unwritten = ''] = ids;
    await writeProgress(store.port, store.keys, [{ messageId: broadcast, userId: user, state: 'written' }]);
    const next = await claimed('g2', 'ack');
    const session = { userId: user, epoch: old.epoch };
    expect(await settleMessages(store.port, store.keys, [{ session, state: 'acknowledged', ids }])).toEqual([-1]);
    const stateOf = async (id: string) =>
      (await readReceipt(store.port, store.keys, id))?.recipients.map(({ state }) => state);
    expect(await stateOf(broadcast)).toEqual(['acknowledged']);
    expect(await stateOf(unwritten)).toEqual([]);
    expect(await stateOf(inMailbox)).toEqual(['routed']);
    expect(await read(next.epoch)).toMatchObject([{ head: { id: inMailbox } }]);
  });

  it('learn which direct broadcasts the sessions before them were given, from four of them', async () => {
    const release = (epoch: number, origin: string, handsOver = false) =>
      releaseSession(store.port, store.keys, limits, {
        session: { userId: user, epoch, holder: 'g1' },
        reason: 'client_left',
        handsOver,
        given: { origin, after: 2, upTo: 5 },
        undelivered: [],
        call: `g1:${made}${origin}`,
        highestId: 0,
      });
    const given = (origin: string) => ({ origin, after: 2, upTo: 5 });
    expect((await claimed('g1')).given).toEqual([]);
    await release((await claimed('g1')).epoch, '1');
    expect((await claimed('g1')).given).toEqual([given('1')]);
    const waited = await claimed('g1', 'plain');
    const waiting = await claimed('g2', 'plain');
    expect(waiting).toMatchObject({ predecessorHandsOver: true, given: [given('1')] });
    expect(await page(waiting.epoch, { waitsForNobody: false })).toBe('waits');
    for (let times = 0; times < 2; times += 1) await release(waited.epoch, '2', true);
    expect(await page(waiting.epoch, { waitsForNobody: false })).toEqual({
      messages: [],
      given: [given('2'), given('1')],
    });
    for (const origin of ['3', '4', '5']) await release(waited.epoch, origin);
    expect((await claimed('g1')).given).toEqual(['5', '4', '3', '2'].map(given));
    await store.redis.del(store.keys.user(user));
    await release(waited.epoch, '6');
    expect(await store.redis.exists(store.keys.user(user))).toBe(0);
  });

  it('are not given expired messages, and get their number', async () => {
    await send({ ttlSeconds: 1, receipt: true });
    await send();
    const key = store.keys.mailbox(user);
    const [member = ''] = await store.redis.zrange(key, '0', '0');
    const { head } = parseMailboxMember(member);
    await store.redis.zrem(key, member);
    await store.redis.zadd(key, head.id, member.replace(String(head.expiresAtMs), '1'));
    await store.redis.zadd(store.keys.mailboxExpiry(user), 1, head.id);
    const { lost, epoch } = await claimed('g1');
    expect(lost).toBe(1);
    expect(await read(epoch)).toHaveLength(1);
    expect((await readReceipt(store.port, store.keys, head.id))?.recipients).toMatchObject([{ state: 'expired' }]);
  });

  it('are disconnected on any gateway; with their token on request', async () => {
    const kick = (revoke: boolean) =>
      disconnectUser(store.port, store.keys, user, { reason: revoke ? 'logged_out' : 'kicked', revoke });
    expect(await kick(false)).toBe('offline');
    const { epoch } = await claimed('g1', 'plain');
    expect(await kick(false)).toBe('online');
    expect(await inbox('g1')).toMatchObject([{ kind: 'close', userId: user, epoch, reason: 'kicked' }]);
    expect(await store.redis.hget(store.keys.user(user), 'token')).toBe('token');
    expect(await session()).toEqual([null, expect.stringMatching(/^\d+$/)]);
    await claimed('g1', 'plain');
    expect(await kick(true)).toBe('online');
    expect(await store.redis.hget(store.keys.user(user), 'token')).toBeNull();
    const unknown = await disconnectUser(store.port, store.keys, 'nobody', { reason: 'kicked', revoke: true });
    expect(unknown).toBe('unknown');
    expect(await store.redis.exists(store.keys.user('nobody'))).toBe(0);
  });

  it('get messages that came to their former gateway, once', async () => {
    const { epoch } = await claimed('g2');
    const rest = '102,1100,0,"","00-aa-bb-01"';
    const stash = () =>
      stashMessages(
        store.port,
        store.keys,
        limits,
        [{ userIds: [user], id: '8', rest, body: '{}' }],
        `stash-${made}`,
        0,
      );
    await stash();
    await stash();
    expect(await read(epoch)).toMatchObject([{ head: { id: '8', traceparent: '00-aa-bb-01' } }]);
    expect((await inbox('g2')).map(({ kind }) => kind)).toContain('mailbox');
    await settleMessages(store.port, store.keys, [
      { session: { userId: user, epoch }, state: 'acknowledged', ids: ['8'] },
    ]);
    await stash();
    expect(await read(epoch)).toEqual([]);
  });

  it('write each state into a receipt once, and none where there is no receipt', async () => {
    const { answers } = await send({ receipt: true });
    const id = answers[0]?.id ?? '';
    await writeProgress(store.port, store.keys, [
      { messageId: id, userId: user, state: 'written' },
      { messageId: id, userId: user, state: 'written' },
      { messageId: id, userId: user, state: 'failed', reason: 'refused' },
      { messageId: '12345', userId: user, state: 'written' },
    ]);
    const receipt = await readReceipt(store.port, store.keys, id);
    expect(receipt?.recipients[0]?.steps.map(({ state }) => state)).toEqual(['stored', 'written', 'failed']);
    expect(receipt?.recipients[0]?.reason).toBe('refused');
    expect(await store.redis.exists(store.keys.receipt('12345'))).toBe(0);
  });

  it('of a dead gateway are lost, and what waited in its inbox is in their mailboxes', async () => {
    const gateway = `g-mortal-${made}`;
    await hold(gateway, undefined, DEFAULT_LEASE_MS * 60);
    const { epoch } = await claimed(gateway, 'plain');
    await send();
    await send();
    const bury = () => buryGateway(store.port, store.keys, gateway, limits, { leaving: false });
    expect((await bury()).outcome).toBe('live');
    await store.redis.zadd(store.keys.gateways, 1, gateway);
    expect(await hold(gateway, 3_000)).toBe('lost');
    expect(await bury()).toEqual({ outcome: 'done', rerouted: 2, lost: 1 });
    expect(await bury()).toEqual({ outcome: 'done', rerouted: 0, lost: 0 });
    expect(await session()).toEqual([null, String(epoch)]);
    expect(await store.redis.zcard(store.keys.mailbox(user))).toBe(2);
    const left = [store.keys.inbox(gateway), store.keys.gateway(gateway), store.keys.sessions(gateway)];
    expect(await store.redis.exists(...left)).toBe(0);
    expect(await store.redis.zscore(store.keys.gateways, gateway)).toBeNull();
  });

  it('leave exactly one connected and one disconnected or lost event each', async () => {
    await claimed('g1');
    await claimed('g2');
    const events = (await store.redis.xrange(store.keys.events, '-', '+'))
      .map(([, fields]) => Object.fromEntries(fields.flatMap((f, at) => (at % 2 === 0 ? [[f, fields[at + 1]]] : []))))
      .filter((event) => event.user === user)
      .map((event) => `${event.type} ${event.epoch}`);
    const [first, second] = events.filter((text) => text.startsWith('connected')).map((text) => text.slice(10));
    expect(events).toEqual([`connected ${first}`, `disconnected ${first}`, `connected ${second}`]);
  });
});
