import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseInboxRecord, parseMailboxMember } from '../../contract/store/records.ts';
import { dropMessage } from '../../contract/store/scripts/mailbox.ts';
import { readReceipt } from '../../contract/store/scripts/receipts.ts';
import { type RouteCommand, type RouteOptions, routeCommands } from '../../contract/store/scripts/route.ts';
import { drivers, limits, message, openStore, type Store } from './ports.ts';

describe.each(drivers)('the route script over %s', (driver) => {
  let store: Store;
  beforeAll(async () => {
    store = await openStore(driver);
    await store.redis.zadd(store.keys.gateways, Date.now() + 600_000, 'g1');
    await store.redis.zadd(store.keys.gateways, Date.now() + 600_000, 'g2');
  });
  afterAll(() => store.stop());

  const route = (commands: RouteCommand[], options: Partial<RouteOptions> = {}) =>
    routeCommands(store.port, store.keys, commands, { ...limits, ...options });
  const mailbox = async (id: string) =>
    (await store.redis.zrange(store.keys.mailbox(id), '0', '-1')).map(parseMailboxMember);
  const inbox = async (gateway: string) => {
    const entries = await store.redis.xrange(store.keys.inbox(gateway), '-', '+');
    await store.redis.del(store.keys.inbox(gateway));
    return entries.flatMap(([, fields]) =>
      fields.flatMap((field, at) => (at % 2 === 0 ? [parseInboxRecord(field, fields[at + 1] ?? '')] : [])),
    );
  };
  const odd = [
    '__proto__',
    'a"b',
    "it's",
    'a\\b',
    'back\\',
    'a\nb',
    '\u0000',
    '名字😀',
    'a:b',
    '%d%s',
    '{x}',
    ' ',
    '0',
    '*',
  ];

  it('takes the short form that gateways send as it takes the long one', async () => {
    const users = ['plain', 'ack', 'away', 'nobody', ...odd].map((id) => `short ${id}`);
    for (const id of users) {
      if (id === 'short away') await store.addUser(id, { epoch: 6 });
      else if (id !== 'short nobody')
        await store.addUser(id, { gateway: 'g2', epoch: 7, form: id === 'short ack' ? id.slice(6) : 'plain' });
    }
    const results = [];
    // A call that is audited takes the long form.
    for (const auditMax of [0, 10]) {
      const { answers, ownEntry } = await route(
        users.map((id) => message([id])),
        { gatewayId: 'g1', auditMax },
      );
      const records = (await inbox('g2')).map((record) => ({
        ...record,
        head: { ...('head' in record && record.head), id: '' },
      }));
      const kept = await Promise.all(['short ack', 'short away'].map(async (id) => (await mailbox(id)).at(-1)?.body));
      const rising = answers.every(({ id }, i) => i === 0 || Number(id) > Number(answers[i - 1]?.id));
      results.push({ answers: answers.map((answer) => ({ ...answer, id: '' })), ownEntry, records, kept, rising });
    }
    expect(results[0]).toEqual(results[1]);
    expect(results[0]).toMatchObject({ rising: true, kept: [expect.any(String), expect.any(String)] });
    expect(results[0]?.answers.slice(0, 4)).toMatchObject([
      { online: 1 },
      { online: 1 },
      { stored: 1 },
      { unknown: 1 },
    ]);
  });

  it('writes one entry per gateway with its recipients, whatever they are called', async () => {
    for (const [at, id] of odd.entries())
      await store.addUser(id, { gateway: at % 2 ? 'g1' : 'g2', epoch: at, form: 'plain' });
    const result = await route([message(odd)]);
    expect(result).toMatchObject({ status: 'ok', answers: [{ online: odd.length, stored: 0, unknown: 0 }] });
    const even = odd.filter((_, at) => at % 2 === 0);
    const [entry, ...more] = await inbox('g2');
    expect(more).toEqual([]);
    expect(entry).toMatchObject({
      kind: 'message',
      inboxOnly: even.map((userId) => ({ userId, epoch: odd.indexOf(userId) })),
    });
    expect(await inbox('g1')).toHaveLength(1);
  });

  it('stores for offline users, in the order of the ids, and not for unknown users', async () => {
    for (const id of odd) await store.addUser(`away-${id}`);
    const ids = odd.map((id) => `away-${id}`);
    const { answers } = await route([message([...ids, 'nobody']), message(ids)]);
    expect(answers.map(({ stored, unknown }) => [stored, unknown])).toEqual([
      [odd.length, 1],
      [odd.length, 0],
    ]);
    for (const id of ids)
      expect((await mailbox(id)).map(({ head }) => head.id)).toEqual(answers.map(({ id: one }) => one));
    expect(await store.redis.exists(store.keys.mailbox('nobody'))).toBe(0);
  });

  it('takes a recipient that is named twice once', async () => {
    await store.addUser('twice');
    const { answers } = await route([message(['twice', 'twice', 'ghost', 'ghost'])]);
    expect(answers[0]).toMatchObject({ online: 0, stored: 1, unknown: 1 });
    expect(await mailbox('twice')).toHaveLength(1);
  });

  it('gives strictly increasing ids, also when the clock went back and beyond 2^53', async () => {
    const key = `${store.keys.prefix}message_id`;
    const before = (await store.redis.get(key)) ?? '';
    const ahead = '4500000000000000';
    await store.redis.set(key, ahead);
    const { answers } = await route([message(['ghost']), message(['ghost'])]);
    expect(answers.map(({ id }) => id)).toEqual(['4500000000000001', '4500000000000002']);
    await store.redis.set(key, before);
  });

  it('puts into the mailbox of an acknowledging session, too', async () => {
    await store.addUser('acker', { gateway: 'g1', epoch: 3, form: 'ack' });
    const { answers } = await route([message(['acker'])]);
    expect(answers[0]).toMatchObject({ online: 1, stored: 0 });
    expect(await mailbox('acker')).toHaveLength(1);
    expect(await inbox('g1')).toMatchObject([{ inboxOnly: [], alsoInMailbox: [{ userId: 'acker', epoch: 3 }] }]);
  });

  it('stores an application message for a plain session: it could not read it', async () => {
    await store.addUser('plain', { gateway: 'g1', epoch: 1, form: 'plain' });
    const { answers } = await route([message(['plain'], { commandId: 2_000, body: '{}' })]);
    expect(answers[0]).toMatchObject({ online: 0, stored: 1 });
    expect(await inbox('g1')).toEqual([]);
  });

  it('stores for users of a gateway without a lease', async () => {
    await store.redis.zadd(store.keys.gateways, 1, 'g-dead');
    await store.addUser('orphan', { gateway: 'g-dead', epoch: 1, form: 'plain' });
    const { answers } = await route([message(['orphan'])]);
    expect(answers[0]).toMatchObject({ online: 0, stored: 1 });
    await store.redis.zrem(store.keys.gateways, 'g-dead');
  });

  it('drops for offline users with OFFLINE_TTL_S 0, and notes it in the receipt', async () => {
    await store.addUser('dropped');
    const { answers } = await route([message(['dropped'], { receipt: true })], { offlineTtlSeconds: 0 });
    expect(answers[0]).toMatchObject({ online: 0, stored: 0, unknown: 0 });
    expect(await mailbox('dropped')).toEqual([]);
    const receipt = await readReceipt(store.port, store.keys, answers[0]?.id ?? '');
    expect(receipt?.recipients).toMatchObject([{ userId: 'dropped', state: 'failed', reason: 'offline' }]);
  });

  it('bounds a mailbox: the oldest go first, counted, and their receipts know', async () => {
    await store.addUser('full');
    const sent = await route(Array.from({ length: 8 }, () => message(['full'], { receipt: true })));
    expect((await mailbox('full')).map(({ head }) => head.id)).toEqual(sent.answers.slice(3).map(({ id }) => id));
    expect(await store.redis.hget(store.keys.user('full'), 'lost')).toBe('3');
    const receipt = await readReceipt(store.port, store.keys, sent.answers[0]?.id ?? '');
    expect(receipt?.recipients).toMatchObject([
      { state: 'failed', reason: 'mailbox_full', steps: [{ state: 'stored' }, {}] },
    ]);
  });

  it('forgets the senders of messages that have left a mailbox', async () => {
    await store.addUser('churn');
    const bound = { mailboxMax: 10 };
    await route(
      Array.from({ length: 4 }, () => message(['churn'])),
      bound,
    );
    const fromClient = { ...bound, gatewayId: 'g1' };
    for (let n = 0; n < 100; n += 1) {
      const { answers } = await route([message(['churn'], { from: `client ${n}` })], fromClient);
      const id = answers[0]?.id ?? '';
      await dropMessage(store.port, store.keys, { userId: 'churn', id }, { by: 'op', max: 0 });
    }
    expect(await store.redis.zcard(store.keys.mailboxSenders('churn'))).toBeLessThanOrEqual(30);
  });

  it('writes receipts for recipients of odd names, with times and their maker', async () => {
    const { answers, redisNowMs } = await route([
      message(
        odd.map((id) => `ghost-${id}`),
        { receipt: true, from: 'a"b' },
      ),
    ]);
    const receipt = await readReceipt(store.port, store.keys, answers[0]?.id ?? '');
    expect(receipt).toMatchObject({ acceptedAtMs: redisNowMs, commandId: 102, from: 'a"b' });
    expect(receipt?.recipients.map(({ userId }) => userId).sort()).toEqual(odd.map((id) => `ghost-${id}`).sort());
    expect(await store.redis.ttl(store.keys.receipt(answers[0]?.id ?? ''))).toBeGreaterThan(86_400);
    expect(await readReceipt(store.port, store.keys, '1')).toBeUndefined();
  });

  it('sends a broadcast to live gateways only, and not back to the asking one', async () => {
    await store.redis.sadd(store.keys.sessions('g1'), 'a', 'b');
    const all = await route([message('everyone')]);
    expect(all.answers[0]?.online).toBe(2);
    expect(await inbox('g1')).toMatchObject([{ inboxOnly: 'everyone' }]);
    expect(await inbox('g2')).toHaveLength(1);
    const direct = { origin: '9fe2c1', number: 7 };
    const behind = message('everyone');
    await route([message({ direct }), behind], { gatewayId: 'g1' });
    expect(await inbox('g1')).toMatchObject([{ inboxOnly: 'everyone' }]);
    const [first, second] = await inbox('g2');
    expect(first).toMatchObject({ inboxOnly: 'everyone', head: { direct } });
    expect(second).toMatchObject({ inboxOnly: 'everyone', head: expect.not.objectContaining({ direct }) });
    await store.redis.del(store.keys.sessions('g1'));
  });

  it('returns to a gateway the last entry of its own inbox', async () => {
    await store.addUser('own', { gateway: 'g1', epoch: 1, form: 'plain' });
    const { ownEntry } = await route([message(['own'])], { gatewayId: 'g1' });
    expect((await store.redis.xrange(store.keys.inbox('g1'), '-', '+')).at(-1)?.[0]).toBe(ownEntry);
    expect((await route([message(['own'])], { gatewayId: 'g2' })).ownEntry).toBeUndefined();
    await inbox('g1');
  });

  it('does not carry out a batch of a gateway again that comes late, behind the next one', async () => {
    await store.addUser('behind');
    const batch = async (digest: string) => {
      const idempotency = { key: 'batch:g1', digest, ttlSeconds: 60 };
      return (await route([message(['behind'])], { gatewayId: 'g1', idempotency })).status;
    };
    // The second "9" is what an old connection delivers after the call was repeated on a new one.
    expect([await batch('9'), await batch('9'), await batch('10'), await batch('9'), await batch('10')]).toEqual([
      'ok',
      'replay',
      'ok',
      'late',
      'replay',
    ]);
    expect(await mailbox('behind')).toHaveLength(2);
    await store.redis.del(`${store.keys.prefix}batch:g1`);
  });

  it('does nothing twice under one idempotency key, and nothing for another body', async () => {
    await store.addUser('once');
    const idempotency = { key: 'idempotency:k', digest: 'd1', ttlSeconds: 60 };
    const first = await route([message(['once']), message(['once'])], { idempotency });
    const second = await route([message(['once']), message(['once'])], { idempotency });
    expect([first.status, second.status]).toEqual(['ok', 'replay']);
    expect(second.answers).toEqual(first.answers);
    const other = await route([message(['once'])], { idempotency: { ...idempotency, digest: 'd2' } });
    expect(other).toMatchObject({ status: 'conflict', answers: [] });
    expect(await mailbox('once')).toHaveLength(2);
    expect(await store.redis.ttl(`${store.keys.prefix}idempotency:k`)).toBeGreaterThan(0);
  });

  it('takes nothing after the deadline', async () => {
    await store.addUser('late');
    const { redisNowMs } = await route([]);
    const late = await route([message(['late'])], { deadlineMs: redisNowMs - 1 });
    expect(late).toMatchObject({ status: 'late', answers: [] });
    expect(await mailbox('late')).toEqual([]);
    expect((await route([message(['late'])], { deadlineMs: redisNowMs + 60_000 })).status).toBe('ok');
  });

  it('returns nothing for no commands', async () => {
    expect(await route([])).toMatchObject({ status: 'ok', answers: [] });
  });

  it('takes a command to nobody, and thousands of recipients at once', async () => {
    const nobodies = Array.from({ length: 10_000 }, (_, i) => `n-${i}`);
    const { answers } = await route([message([]), message(nobodies)]);
    expect(answers).toMatchObject([{ online: 0, stored: 0, unknown: 0 }, { unknown: 10_000 }]);
  });

  it('keeps a body of any text', async () => {
    await store.addUser('texts');
    const body = JSON.stringify({ a: '\u0000\n\t"\\ 😀', __proto__: 1, ']\n["m"': '%d' });
    await route([message(['texts'], { body, traceparent: '00-aa-bb-01', ttlSeconds: 60 })]);
    const [stored] = await mailbox('texts');
    expect(stored?.body).toBe(body);
    expect(stored?.head).toMatchObject({ traceparent: '00-aa-bb-01', version: 1100 });
    expect(stored?.head.expiresAtMs).toBeGreaterThan(Date.now());
  });
});
