import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { type HttpApi, startHttpApi, stores } from '../kit/http-api.ts';
import { startTestRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { tokenOf } from '../kit/users.ts';

const COMMAND = { command_id: 102, chat_to: 'away', content: 'x' };

describe.each(stores)('authorization of POST /send-command, over %s', (store) => {
  let http: HttpApi;
  beforeAll(async () => {
    http = await startHttpApi({ store });
    await http.addUser('away');
    await http.addUser('user', { token: tokenAtRest(tokenOf('user')) });
    await http.addUser('plain-text', { token: tokenOf('plain-text'), role: 'operator' });
    await http.addUser('expired', { token: tokenAtRest(tokenOf('expired')), role: 'operator', token_expires_at: '1' });
    const more_tokens = `${tokenAtRest(tokenOf('twice'))} ${Math.floor(Date.now() / 1000) + 600}`;
    await http.addUser('twice', { token: tokenAtRest('another'), role: 'operator', more_tokens });
    await http.redis.set(keysOf(http.prefix).user('no-hash'), 'x');
  });
  afterAll(() => http.stop());

  const sendAs = async (token: string, body: unknown) => {
    const { status, body: answer } = await http.call('POST', '/send-command', { token, body: JSON.stringify(body) });
    return [status, answer.error];
  };
  const stored = () => http.redis.zcard(keysOf(http.prefix).mailbox('away'));

  it.each(['op', 'plain-text', 'twice'])('%s may', async (userId) => {
    const before = await stored();
    expect(await sendAs(tokenOf(userId), COMMAND)).toEqual([200, undefined]);
    expect(await sendAs(tokenOf(userId), { commands: [COMMAND, COMMAND] })).toEqual([200, undefined]);
    expect(await stored()).toBe(before + 3);
  });

  const bodies = {
    'a command': COMMAND,
    'an invalid command': { command_id: 102 },
    'a batch': { commands: [COMMAND] },
    'a batch of invalid commands': { commands: [{ command_id: 102 }] },
    'a large body': { ...COMMAND, content: 'x'.repeat(100_000) },
  };
  it.each(Object.entries(bodies))('others get no more than a refusal, and send nothing: %s', async (_what, body) => {
    const before = await stored();
    expect(await sendAs(tokenOf('user'), body)).toEqual([403, 'not_operator']);
    for (const userId of ['expired', 'nobody', 'no-hash']) {
      expect((await sendAs(tokenOf(userId), body))[0]).not.toBe(200);
    }
    for (const userId of ['expired', 'nobody']) {
      expect(await sendAs(tokenOf(userId), body)).toEqual([401, 'bad_token']);
    }
    expect(await sendAs(`${http.operator}x`, body)).toEqual([401, 'bad_token']);
    expect(await stored()).toBe(before);
  });

  it('names the sender in the log when it is genuine, and only then', async () => {
    http.logged.length = 0;
    await sendAs(http.operator, COMMAND);
    await sendAs(http.operator, { command_id: 102 });
    await sendAs(tokenOf('nobody'), COMMAND);
    expect(http.logged.map(({ user }) => user)).toEqual(['op', 'op', undefined]);
  });
});

it('calls Redis once for a send', async () => {
  // Of its own: ioredis fails when what others ask arrives with the reply to MONITOR.
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const http = await startHttpApi({ url: redis.url });
  await http.addUser('away');
  await http.send(COMMAND);
  const monitor = await http.redis.monitor();
  const asked: string[] = [];
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    if (source !== 'lua' && args.some((arg) => arg.includes(http.prefix))) asked.push((args[0] ?? '').toLowerCase());
  });
  await http.send(COMMAND);
  // What was asked before this has been reported before it.
  await http.redis.get(`${http.prefix}end`);
  await until('the monitor has seen the end', () => asked.includes('get'));
  expect(asked).toEqual(['evalsha', 'get']);
  monitor.disconnect();
  await http.stop();
});
