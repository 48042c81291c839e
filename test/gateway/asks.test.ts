import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { MAX_CONTENT_DEPTH } from '../../contract/wire/commands.ts';
import { createLog } from '../../functions/runtime/log.ts';
import { type Api, startApi } from '../../local/http/server.ts';
import { startTestGateway, type TestGateway } from '../kit/gateway.ts';
import type { Peer } from '../kit/peer.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';

const TOKEN = `${Buffer.from('op').toString('base64url')}.${'t'.repeat(43)}`;

/** The HTTP API and a gateway on one store: what a caller and a device see of each other. */
describe('a call that waits', () => {
  let gateway: TestGateway;
  let api: Api;
  beforeAll(async () => {
    const prefix = uniquePrefix();
    gateway = await startTestGateway({}, { prefix });
    const env = { REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: prefix };
    api = await startApi({ port: 0, env, log: createLog({ level: 'silent' }) });
    await gateway.redis.command('HSET', gateway.keys.user('op'), 'role', 'operator', 'token', tokenAtRest(TOKEN));
  });
  afterAll(async () => {
    await api.close();
    await gateway.stop();
  });

  async function send(chat_to: string, more: object) {
    const response = await fetch(`${api.url}/send-command`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify({ command_id: 102, chat_to, content: 'x', ...more }),
    });
    return { ...((await response.json()) as Record<string, unknown>), status: response.status };
  }
  const askOf = async (peer: Peer, commandId = 102) =>
    (await peer.receives(commandId)).body as { ask: string; id?: string };

  test.each([
    ['ack', ['ack', 'errors']],
    ['without ack', ['errors']],
  ])('gets the reply of the device (%s), as the device wrote it', async (_, features) => {
    const device = await gateway.verified(`device-${features.length}`, features);
    const answer = send(`device-${features.length}`, { command_id: 2001, content: { read: 't' }, wait: 'reply' });
    const { ask, ...body } = await askOf(device, 2001);
    expect(body).toMatchObject({ read: 't' });
    device.send(7, `{"ask": "${ask}", "reply": {"celsius": 21.50, "serial": 12345678901234567890}}`);
    expect(await answer).toMatchObject({ status: 200, outcome: 'replied', id: ask, reply: { celsius: 21.5 } });
  });

  test('gets the acknowledgement, and the state "written"', async () => {
    const device = await gateway.verified('acks', ['ack']);
    const acknowledged = send('acks', { wait: 'acknowledged' });
    const { id } = await askOf(device);
    device.send(6, { ids: [id] });
    expect(await acknowledged).toMatchObject({ status: 200, outcome: 'acknowledged' });
    expect(await send('acks', { wait: 'written' })).toMatchObject({ status: 200, outcome: 'written' });
  });

  test('ends when an offline client connects that cannot reply', async () => {
    await gateway.users('late-plain');
    const answer = send('late-plain', { wait: 'reply', timeout_s: 20 });
    for (let stored = 0; stored === 0; ) stored = (await gateway.mailbox('late-plain')).length;
    const plain = await gateway.verified('late-plain');
    const { body } = await plain.receives(102);
    expect(body).toEqual({ chat_from: 'op', chat_content: 'x' });
    expect(await answer).toMatchObject({ status: 409, error: 'cannot_reply' });
  });

  test('gets the reply of a client that connects later', async () => {
    await gateway.users('late');
    const answer = send('late', { wait: 'reply', timeout_s: 20 });
    for (let stored = 0; stored === 0; ) stored = (await gateway.mailbox('late')).length;
    const device = await gateway.verified('late', ['ack']);
    const { ask } = await askOf(device);
    device.send(7, { ask, reply: null });
    expect(await answer).toMatchObject({ status: 200, outcome: 'replied', reply: null });
  });

  test('a reply counts once, only from the asked user, and only with a body', async () => {
    const device = await gateway.verified('asked', ['errors']);
    const other = await gateway.verified('other', ['errors']);
    const answer = send('asked', { wait: 'reply' });
    const { ask } = await askOf(device);
    other.send(7, { ask, reply: 'not mine' });
    device.send(7, { ask });
    await device.receives(111, { error: 'malformed', message: expect.anything() });
    device.send(7, { ask, reply: 'first' });
    device.send(7, { ask, reply: 'second' });
    device.send(7, { ask: '1', reply: 'to nothing' });
    expect(await answer).toMatchObject({ reply: 'first' });
    device.hasNothingMore();
  });

  test('a reply that is nested deeper than content may be is refused; one that is not arrives', async () => {
    const device = await gateway.verified('nests', ['errors']);
    const answer = send('nests', { wait: 'reply' });
    const { ask } = await askOf(device);
    const lists = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    device.send(7, `{"ask": "${ask}", "reply": ${lists(MAX_CONTENT_DEPTH + 1)}}`);
    await device.receives(111, { error: 'malformed', message: expect.anything() });
    device.send(7, `{"ask": "${ask}", "reply": ${lists(MAX_CONTENT_DEPTH)}}`);
    expect(await answer).toMatchObject({ status: 200, reply: JSON.parse(lists(MAX_CONTENT_DEPTH)) });
  });

  test('a plain client sends no replies: the command is unknown to it', async () => {
    const plain = await gateway.verified('plain');
    plain.send(7, { ask: '1', reply: 1 });
    await plain.leave();
    plain.hasNothingMore();
  });

  test('a command with a time comes when it is due, not earlier', async () => {
    const device = await gateway.verified('timed', ['ack']);
    const not_before = Math.ceil(Date.now() / 1_000) + 3_600;
    const sent = await send('timed', { not_before });
    expect(sent).toMatchObject({ status: 200, recipients: { scheduled: 1 } });
    const { redis, keys } = gateway;
    const { id = '' } = sent as { id?: string };
    expect(await redis.command('ZSCORE', keys.scheduled, id)).toBe(`${not_before * 1_000}`);
    // As if the hour were nearly over.
    const dueAt = Date.now() + 1_500;
    await redis.command('ZADD', keys.scheduled, dueAt, id);
    await device.receives(102);
    expect(Date.now()).toBeGreaterThanOrEqual(dueAt);
  });
});
