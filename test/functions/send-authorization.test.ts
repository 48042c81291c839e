import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { startWorld, stores, type World } from '../kit/http-api.ts';
import { startTestRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { tokenOf } from '../kit/users.ts';

const COMMAND = { command_id: 102, chat_to: 'away', content: 'x' };

describe.each(stores)('authorization of POST /send-command, over %s', (store) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ store });
    await world.addUser('away');
    await world.addUser('user', { token: tokenAtRest(tokenOf('user')) });
    await world.addUser('plain-text', { token: tokenOf('plain-text'), role: 'operator' });
    await world.addUser('expired', { token: tokenAtRest(tokenOf('expired')), role: 'operator', token_expires_at: '1' });
    const more_tokens = `${tokenAtRest(tokenOf('twice'))} ${Math.floor(Date.now() / 1000) + 600}`;
    await world.addUser('twice', { token: tokenAtRest('another'), role: 'operator', more_tokens });
    await world.redis.set(keysOf(world.prefix).user('no-hash'), 'x');
  });
  afterAll(() => world.stop());

  const sendAs = async (token: string, body: unknown) => {
    const { status, body: answer } = await world.call('POST', '/send-command', { token, body: JSON.stringify(body) });
    return [status, answer.error];
  };
  const stored = () => world.redis.zcard(keysOf(world.prefix).mailbox('away'));

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
    expect(await sendAs(`${world.operator}x`, body)).toEqual([401, 'bad_token']);
    expect(await stored()).toBe(before);
  });

  it('names the sender in the log when it is genuine, and only then', async () => {
    world.logged.length = 0;
    await sendAs(world.operator, COMMAND);
    await sendAs(world.operator, { command_id: 102 });
    await sendAs(tokenOf('nobody'), COMMAND);
    expect(world.logged.map(({ user }) => user)).toEqual(['op', 'op', undefined]);
  });
});

it('calls Redis once for a send', async () => {
  // Of its own: ioredis fails when what others ask arrives with the reply to MONITOR.
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const world = await startWorld({ url: redis.url });
  await world.addUser('away');
  await world.send(COMMAND);
  const monitor = await world.redis.monitor();
  const asked: string[] = [];
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    if (source !== 'lua' && args.some((arg) => arg.includes(world.prefix))) asked.push((args[0] ?? '').toLowerCase());
  });
  await world.send(COMMAND);
  // What was asked before this has been reported before it.
  await world.redis.get(`${world.prefix}end`);
  await until('the monitor has seen the end', () => asked.includes('get'));
  expect(asked).toEqual(['evalsha', 'get']);
  monitor.disconnect();
  await world.stop();
});
