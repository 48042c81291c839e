import { expect, onTestFinished, test } from 'vitest';
import { chat, entry, gateway } from '../kit/gateway.ts';
import { startTestRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

/** A gateway, and the end of its connections: what answers then is taken for a replica that lacks the last writes. */
async function own() {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const g = await gateway({}, { redisUrl: redis.url });
  const failOver = () => g.redis.command('CLIENT', 'KILL', 'TYPE', 'normal').catch(() => undefined);
  return { g, failOver };
}

test('an entry whose removal was lost is removed again, and nobody gets it twice', async () => {
  const { g, failOver } = await own();
  const client = await g.verified('u');
  await g.push(entry('once', ['u']));
  await client.receives(102, chat('p', 'once'));
  const inbox = g.keys.inbox(g.running.id);
  await until('the entry is removed', async () => (await g.redis.command('XLEN', inbox)) === 0);
  await g.redis.command('DEL', inbox);
  await g.redis.command('XADD', inbox, '1-0', 'as', 'before');
  await failOver();
  await until('it is removed again', async () => (await g.redis.command('XLEN', inbox)) === 0);
  await g.push(entry('after', ['u']));
  await client.receives(102, chat('p', 'after'));
});

test('a hand-over that was lost is repeated: nobody waits for it', async () => {
  const { g, failOver } = await own();
  await g.verified('u');
  const user = g.keys.user('u');
  const epoch = String(await g.redis.command('HGET', user, 'epoch'));
  await g.verified('u');
  const owing = () => g.redis.command('HGET', user, 'owing');
  await until('the first session has handed over', async () => (await owing()) === null);
  await g.redis.command('HSET', user, 'owing', epoch);
  await g.redis.command('DEL', g.keys.writes(g.running.id));
  await failOver();
  await until('it hands over again', async () => (await owing()) === null);
  expect(await g.metric('fronttcp_lease_losses_total')).toBe(0);
});

test('a session whose end was lost ends again, and its event has a reason', async () => {
  const { g, failOver } = await own();
  await g.verified('u');
  const user = g.keys.user('u');
  const fields = ['gateway', 'epoch', 'form', 'since'];
  const before = (await g.redis.command('HMGET', user, ...fields)) as string[];
  const newer = await g.verified('u');
  await until('the first session has handed over', async () => !(await g.redis.command('HEXISTS', user, 'owing')));
  newer.socket.destroy();
  await until('the user is gone', async () => !(await g.redis.command('HEXISTS', user, 'gateway')));
  await g.redis.command('HSET', user, ...fields.flatMap((field, i) => [field, before[i] ?? '']));
  await g.redis.command('SADD', g.keys.sessions(g.running.id), 'u');
  await failOver();
  await until('it has ended', async () => !(await g.redis.command('HEXISTS', user, 'gateway')));
  const [last] = (await g.redis.command('XREVRANGE', g.keys.events, '+', '-', 'COUNT', 1)) as [string, string[]][];
  expect(last?.[1].join(' ')).toMatch(/^type disconnected user u .* reason connection_lost /);
});

test('what went back into a mailbox, and was forgotten there, goes back again', async () => {
  const { g, failOver } = await own();
  await g.redis.command('HSET', g.keys.user('u'), 'token', 'unused');
  const body = '{"chat_from": "p", "chat_content": "back"}';
  await g.redis.command('XADD', g.keys.inbox(g.running.id), '*', '["m","7",102,1100,0,"","",["u",1],[]]', body);
  const mailbox = () => g.redis.command('ZRANGE', g.keys.mailbox('u'), 0, -1);
  await until('it is in the mailbox', async () => ((await mailbox()) as string[]).length === 1);
  const before = await mailbox();
  await until('it left the inbox', async () => (await g.redis.command('XLEN', g.keys.inbox(g.running.id))) === 0);
  const once = (await g.redis.command('KEYS', `*once:${g.running.id}:*`)) as string[];
  expect(once).toHaveLength(1);
  await g.redis.command('DEL', g.keys.mailbox('u'), g.keys.writes(g.running.id), ...once);
  await failOver();
  await until('it is there again', async () => ((await mailbox()) as string[]).length === 1);
  expect(await mailbox()).toEqual(before);
});

test('a step of a receipt that was forgotten is written again', async () => {
  const { g, failOver } = await own();
  await g.verified('u');
  const { answers } = await g.route({ commandId: 102, to: ['u'], body: '{}', receipt: true });
  const receipt = g.keys.receipt(answers[0]?.id ?? '');
  const steps = async () => String(await g.redis.command('HGET', receipt, 'u:u'));
  await until('it is written', async () => (await steps()).includes('written'));
  await g.redis.command('HSET', receipt, 'u:u', 'routed 1');
  await g.redis.command('DEL', g.keys.writes(g.running.id));
  await failOver();
  await until('it is written again', async () => (await steps()).includes('written'));
});
