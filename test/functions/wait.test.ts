import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import type { DeliveryStep } from '../../contract/store/scripts/receipts.ts';
import { writeProgress } from '../../contract/store/scripts/settle.ts';
import { connectRedis } from '../../functions/runtime/drivers/ioredis.ts';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import { type HttpApi, type Reply, startHttpApi, stores } from '../kit/http-api.ts';
import { sharedClusterUrl, sharedRedisUrl } from '../kit/redis.ts';
import { tokenOf } from '../kit/users.ts';

/** A gateway's part, played by hand: what it writes into receipts. */
describe.each(stores)('POST /send-command with wait, over %s', (store) => {
  let http: HttpApi;
  const isCluster = store === 'ioredis in a cluster';
  const url = () => (isCluster ? sharedClusterUrl() : sharedRedisUrl());
  const port = () =>
    connectRedis(
      readEnvironment({ REDIS_URL: url(), REDIS_CLUSTER: String(isCluster), REDIS_KEY_PREFIX: http.prefix }),
      undefined,
    );
  let gateway: ReturnType<typeof port>;

  beforeAll(async () => {
    http = await startHttpApi({ store });
    gateway = port();
    await http.redis.zadd(keysOf(http.prefix).gateways, Date.now() + 600_000, 'g1');
    await http.addUser('away');
    await http.addUser('user', { token: tokenOf('user') });
    for (const form of ['plain', 'extended', 'ack'])
      await http.addUser(form, { token: 't', gateway: 'g1', epoch: '1', form });
  });
  afterAll(async () => {
    await gateway.close();
    await http.stop();
  });

  const send = (to: string, more: object, headers?: Record<string, string>) =>
    http.send({ command_id: 102, chat_to: to, content: 'x', ...more }, headers);
  /** The id of the message that was routed last. */
  const lastId = async () => (await http.redis.get(`${http.prefix}message_id`)) ?? '';
  async function sentAfter(before: string): Promise<string> {
    for (;;) {
      const id = await lastId();
      const hasReceipt = id !== before && (await http.redis.exists(keysOf(http.prefix).receipt(id))) === 1;
      if (hasReceipt) return id;
    }
  }
  /** Sends, and does the gateway's part once the message is routed. */
  async function sendAnd(
    to: string,
    more: object,
    act: (id: string) => Promise<unknown>,
  ): Promise<Reply & { id: string }> {
    const before = await lastId();
    const answer = send(to, more);
    const id = await sentAfter(before);
    await act(id);
    return { ...(await answer), id };
  }
  const mark = (messageId: string, userId: string, state: DeliveryStep['state'], reason?: string) =>
    writeProgress(gateway, keysOf(http.prefix), [{ messageId, userId, state, ...(reason ? { reason } : {}) }]);

  it.each(['written', 'acknowledged'] as const)('answers 200 when it is %s', async (step) => {
    const { status, body, id } = await sendAnd('ack', { wait: step }, (id) => mark(id, 'ack', step));
    expect([status, body]).toEqual([
      200,
      { code: 1, message: 'done', id, recipients: { online: 1, stored: 0, unknown: 0 }, outcome: step },
    ]);
  });

  it('answers with the reply of the device, numbers of any size unchanged', async () => {
    const text = '{"t": 21.5, "serial":12345678901234567890}';
    const {
      status,
      text: answer,
      body,
    } = await sendAnd('extended', { wait: 'reply' }, (id) =>
      writeProgress(gateway, keysOf(http.prefix), [{ ask: id, userId: 'extended', reply: text }]),
    );
    expect([status, body.outcome]).toEqual([200, 'replied']);
    expect(answer).toContain('"reply":{"t":21.5,"serial":12345678901234567890}');
  });

  it('answers with a reply that is too large for its notice', async () => {
    const reply = JSON.stringify({ log: 'x'.repeat(2_000) });
    const { body } = await sendAnd('extended', { wait: 'reply' }, (id) =>
      writeProgress(gateway, keysOf(http.prefix), [{ ask: id, userId: 'extended', reply }]),
    );
    expect(body).toMatchObject({ outcome: 'replied', reply: JSON.parse(reply) });
  });

  it('answers with a reply that came before the message expired', async () => {
    const { body } = await sendAnd('extended', { wait: 'reply' }, async (id) => {
      const keys = keysOf(http.prefix);
      const both = [
        writeProgress(gateway, keys, [{ ask: id, userId: 'extended', reply: `"${'x'.repeat(2_000)}"` }]),
        mark(id, 'extended', 'expired'),
      ];
      await Promise.all(both);
    });
    expect(body).toMatchObject({ outcome: 'replied', reply: 'x'.repeat(2_000) });
  });

  it('counts a later step for an earlier one', async () => {
    const { body } = await sendAnd('ack', { wait: 'written' }, (id) => mark(id, 'ack', 'acknowledged'));
    expect(body.outcome).toBe('written');
  });

  it('answers 202 at the time-out, and later steps join the receipt', async () => {
    const { status, body } = await send('away', { wait: 'written', timeout_s: 1 });
    expect([status, body]).toEqual([
      202,
      expect.objectContaining({ code: 1, outcome: 'pending', recipients: { online: 0, stored: 1, unknown: 0 } }),
    ]);
    await mark(body.id, 'away', 'written');
    const receipt = await http.call('GET', `/commands/${body.id}`);
    expect(receipt.body.recipients[0]).toMatchObject({ phone_number: 'away', state: 'written' });
  });

  it('answers 409 when the message has expired in the mailbox, unless a session is served from there', async () => {
    for (const id of ['gone', 'comes']) await http.addUser(id);
    const expiring = { wait: 'written', ttl_s: 1, timeout_s: 2 };
    const expired = send('gone', expiring);
    const mayBeWritten = await sendAnd('comes', expiring, () =>
      http.redis.hset(keysOf(http.prefix).user('comes'), { gateway: 'g1', epoch: '1', form: 'ack' }),
    );
    expect(mayBeWritten).toMatchObject({ status: 202, body: { outcome: 'pending' } });
    expect(await expired).toMatchObject({ status: 409, body: { code: 0, error: 'expired' } });
    expect(await http.redis.exists(keysOf(http.prefix).mailbox('gone'))).toBe(0);
  });

  it.each([
    ['expired', undefined, 'expired'],
    ['replaced', undefined, 'replaced'],
    ['cancelled', undefined, 'cancelled'],
    ['failed', 'too_large', 'too_large'],
    ['written', 'plain', 'cannot_reply'],
  ] as const)('answers 409 when it has ended as %s (%s)', async (state, reason, error) => {
    const { status, body, id } = await sendAnd('extended', { wait: 'reply' }, (id) =>
      mark(id, 'extended', state, reason),
    );
    expect([status, body]).toMatchObject([409, { code: 0, error, id }]);
  });

  it.each([
    ['plain', { wait: 'reply' }, 409, 'cannot_reply'],
    ['extended', { wait: 'acknowledged' }, 409, 'cannot_acknowledge'],
    ['away', { if_away: 'fail' }, 409, 'away'],
    ['nobody', { wait: 'written' }, 404, 'unknown_user'],
  ])('refuses at once what %s cannot do: %j', async (to, more, status, error) => {
    const answer = await send(to, more);
    expect([answer.status, answer.body]).toMatchObject([status, { code: 0, error }]);
    expect(answer.body.id).toBeUndefined();
  });

  it('waits again for a repeated call, and answers with the present state', async () => {
    const key = { 'idempotency-key': 'again' };
    const first = await send('away', { wait: 'written', timeout_s: 1 }, key);
    expect(first.status).toBe(202);
    await mark(first.body.id, 'away', 'written');
    const second = await send('away', { wait: 'written', timeout_s: 1 }, key);
    expect([second.status, second.body]).toMatchObject([200, { id: first.body.id, outcome: 'written' }]);
  });

  it('pairs each of many calls with its own reply', async () => {
    const keys = keysOf(http.prefix);
    const inbox = keys.inbox('g1');
    await http.redis.del(inbox);
    const calls = Array.from({ length: 60 }, (_, n) =>
      http.send({ command_id: 2000, chat_to: 'extended', content: { n }, wait: 'reply' }),
    );
    const all = Promise.all(calls);
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    void all.then(end, end);
    let from = '-';
    while (!isOver) {
      const entries = await http.redis.xrange(inbox, from, '+');
      from = entries.length > 0 ? `(${entries.at(-1)?.[0]}` : from;
      const asks = entries.flatMap(([, fields]) =>
        fields.flatMap((field, at) =>
          at % 2 === 0
            ? [{ ask: JSON.parse(field)[1] as string, userId: 'extended', reply: fields[at + 1] ?? '' }]
            : [],
        ),
      );
      if (asks.length > 0) await writeProgress(gateway, keys, asks.reverse());
    }
    const answers = await all;
    expect(answers.map(({ status, body }) => [status, body.reply])).toEqual(calls.map((_, n) => [200, { n }]));
  });

  it('is for one recipient, outside of a batch, and for a known step', async () => {
    const refused = async (command: object) => {
      const { status, body } = await http.send({ command_id: 103, content: 'x', chat_to: ['ack'], ...command });
      return [status, body.message];
    };
    expect(await refused({ chat_to: ['ack', 'away'], wait: 'written' })).toEqual([
      400,
      expect.stringContaining('wait'),
    ]);
    expect(await refused({ command_id: 104, chat_to: undefined, wait: 'written' })).toEqual([
      400,
      expect.stringContaining('wait'),
    ]);
    expect(await refused({ wait: 'read' })).toEqual([400, expect.stringContaining('wait')]);
    expect(await refused({ wait: 'written', timeout_s: 26 })).toEqual([400, expect.stringContaining('timeout_s')]);
    expect(await refused({ timeout_s: 5 })).toEqual([400, expect.stringContaining('timeout_s')]);
    expect(await refused({ if_away: 'store' })).toEqual([400, expect.stringContaining('if_away')]);
    const batch = await http.send({ commands: [{ command_id: 102, chat_to: 'ack', content: 'x', wait: 'written' }] });
    expect(batch.body.results[0]).toMatchObject({ code: 0, message: expect.stringContaining('wait') });
    const ask = await http.send({ command_id: 2000, chat_to: 'ack', content: { ask: 1 } });
    expect([ask.status, ask.body.message]).toEqual([400, expect.stringContaining('ask')]);
  });
});
