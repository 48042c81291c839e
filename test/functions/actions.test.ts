import { afterAll, beforeAll, expect, it } from 'vitest';
import { hashPassword } from '../../contract/store/passwords.ts';
import { changeGroup, deleteGroup } from '../../contract/store/scripts/groups.ts';
import { dropMessage } from '../../contract/store/scripts/mailbox.ts';
import { cancelCommands } from '../../contract/store/scripts/schedule.ts';
import { disconnectUser } from '../../contract/store/scripts/sessions.ts';
import { addUser, clearMailbox, giveToken, removeUser, setPassword } from '../../contract/store/scripts/users.ts';
import { takeDeadLetter } from '../../functions/dead-letters/take-dead-letter.ts';
import { HashingQueue } from '../../functions/login/hashing-queue.ts';
import { LoginLimits } from '../../functions/login/limits.ts';
import { createLogIn } from '../../functions/login/log-in.ts';
import { actorOf } from '../../functions/runtime/actor.ts';
import { createLog } from '../../functions/runtime/log.ts';
import { createRuntime, type Runtime } from '../../functions/runtime/runtime.ts';
import { createServiceToken, revokeServiceToken } from '../../functions/tokens/store.ts';
import { type HttpApi, startHttpApi } from '../kit/http-api.ts';
import { startTestRedis, type TestRedis } from '../kit/redis.ts';
import { type StoreProxy, startStoreProxy } from '../kit/store-proxy.ts';
import { until } from '../kit/until.ts';

let redis: TestRedis;
let http: HttpApi;
let proxy: StoreProxy;
let runtime: Runtime;
beforeAll(async () => {
  redis = await startTestRedis();
  http = await startHttpApi({ url: redis.url });
  proxy = await startStoreProxy(redis.port);
  const env = { REDIS_URL: proxy.url, REDIS_KEY_PREFIX: http.prefix };
  runtime = await createRuntime(env, createLog({ level: 'silent' }));
});
afterAll(async () => {
  await runtime.redis.close();
  await proxy.close();
  await http.stop();
  await redis.stop();
});

/** What an action is about: a user with a message and a connection, a scheduled command, a group, a service token. */
interface Subject {
  readonly user: string;
  readonly message: string;
  readonly scheduled: string;
  readonly group: string;
  readonly token: string;
}

async function subject(user: string): Promise<Subject> {
  await http.redis.zadd(`${http.prefix}gateways`, Date.now() + 600_000, 'g-1');
  await http.addUser(user);
  const { body } = await http.send({ command_id: 102, chat_to: user, content: 'x' });
  await http.addUser(user, { gateway: 'g-1', epoch: '7', form: 'plain' });
  const not_before = Math.floor(Date.now() / 1_000) + 3_600;
  const later = await http.send({ command_id: 104, content: 'x', not_before });
  const group = `of-${user}`;
  await http.call('PUT', `/groups/${group}/members`, { body: JSON.stringify({ add: [user] }) });
  const { id } = await makeServiceToken(user);
  return { user, message: body.id, scheduled: later.body.id, group, token: id };
}

const parts = () => [runtime.redis, runtime.keys] as const;
const actor = () => actorOf(runtime, 'op');
const KICK = { reason: 'kicked', revoke: false } as const;
const makeServiceToken = (name: string) => createServiceToken(runtime, 'op', { name, scopes: ['read'] });
const CANCELLED = { found: 1, cancelled: 1, tooLate: 0 };
const NEW_USER = { password: undefined, isOperator: false, replace: false };

type Action = readonly [name: string, act: (subject: Subject) => Promise<unknown>, answer: unknown];
const actions: readonly Action[] = [
  ['adding a user', ({ user }) => addUser(...parts(), `${user}-2`, NEW_USER, actor()), 'done'],
  ['setting a password', ({ user }) => setPassword(...parts(), user, 'another one', actor()), 'done'],
  ['making a token', ({ user }) => giveToken(...parts(), user, 60, actor()), { token: expect.any(String) }],
  ['ending a session', ({ user }) => disconnectUser(...parts(), user, KICK, actor()), 'online'],
  ['cancelling a command', ({ scheduled }) => cancelCommands(...parts(), [scheduled], actor()), CANCELLED],
  ['deleting a message', ({ user, message: id }) => dropMessage(...parts(), { userId: user, id }, actor()), 'dropped'],
  ['clearing a mailbox', ({ user }) => clearMailbox(...parts(), user, actor()), 1],
  ['removing a user', ({ user }) => removeUser(...parts(), user, actor()), 'removed'],
  ['changing a group', ({ group }) => changeGroup(...parts(), group, { add: ['x'], remove: [] }, actor(), 0), 2],
  ['deleting a group', ({ group }) => deleteGroup(...parts(), group, actor()), true],
  ['making a service token', ({ user }) => makeServiceToken(user), { id: expect.any(String) }],
  ['revoking a service token', ({ token }) => revokeServiceToken(runtime, 'op', token), true],
];
/** As after a failover to a server whose clock is a minute ahead. */
const setClock = () => runtime.clock.learn(Date.now() - 60_000, Date.now() - 60_000);
const NOBODY = { user: 'nobody', message: '1', scheduled: '1', group: 'none', token: 'none' };

it.each(actions)(
  '%s is carried out once, and answered with that, when its reply is lost',
  async (name, act, answer) => {
    const on = await subject(name.replaceAll(' ', '-'));
    // So that the script is known, and the next reply is the one of the action.
    await act(NOBODY);
    const audit = () => http.redis.xlen(`${http.prefix}audit`);
    const recorded = await audit();
    let isCut = false;
    proxy.cutInReply(1, () => {
      isCut = true;
    });
    expect({ answer: await act(on) }).toMatchObject({ answer });
    expect(isCut).toBe(true);
    expect(await audit()).toBe(recorded + 1);
  },
);

it('none of them is carried out when Redis reads it after its request was refused with 503', async () => {
  const on = await subject('late');
  for (const [, act] of actions) await act(NOBODY);
  const state = async () => {
    // Keys of idempotency may expire meanwhile.
    const keys = (await http.redis.keys(`${http.prefix}*`)).filter((key) => !key.includes('idempotency:')).sort();
    return Promise.all(keys.map(async (key) => [key, (await http.redis.dumpBuffer(key))?.toString('base64')]));
  };
  const before = await state();
  await redis.kill('SIGSTOP');
  try {
    const outcomes = await Promise.allSettled(actions.map(([, act]) => act(on)));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'RedisUnavailableError' } });
    }
  } finally {
    await redis.kill('SIGCONT');
  }
  await until('what was in the socket has been read', async () => (await runtime.redis.command('PING')) === 'PONG');
  expect(await state()).toEqual(before);
});

it.each(actions)('%s is carried out after a clock was set', async (name, act, answer) => {
  const on = await subject(`${name.replaceAll(' ', '-')}-clock`);
  setClock();
  expect({ answer: await act(on) }).toMatchObject({ answer });
});

it('a dead letter is taken after a clock was set', async () => {
  await http.redis.rpush(runtime.keys.queueDead, JSON.stringify({ entry: 'x', reason: 'not JSON', at: 1 }));
  const { body } = await http.call('GET', '/dead-letters');
  setClock();
  expect(await takeDeadLetter(runtime, { id: body.letters[0].id, what: 'delete', by: 'op' })).toBe(true);
});

it('a login is let in after a clock was set', async () => {
  await http.addUser('clocked', { password: await hashPassword('right') });
  const limits = new LoginLimits(runtime.redis, runtime.keys, 0);
  const logIn = createLogIn({ ...runtime, limits, hashing: new HashingQueue(1, 1), tokenTtlSeconds: 60 });
  setClock();
  expect(await logIn('clocked', 'right', '127.0.0.1')).toMatchObject({ token: expect.any(String) });
});
