import { expect, test } from 'vitest';
import { entry, gateway, type TestGateway } from '../kit/gateway.ts';
import { until } from '../kit/until.ts';

const METRIC = 'fronttcp_deployment_repeats_total';
/** From this session in a row on it counts. */
const NOTED = 5;

/** A session that begins with `first`, and acknowledges it or not. */
async function session(g: TestGateway, user: string, features: string[], first: string, acknowledges = false) {
  const client = await g.verified(user, features);
  const { body } = await client.receives(102);
  const { id, chat_content } = body as { id: string; chat_content: string };
  expect(chat_content).toBe(first);
  if (acknowledges) {
    client.send(6, { ids: [id] });
    await until('it is gone', async () => !(await g.mailbox(user)).some((member) => member.includes(id)));
  }
  await client.leave();
  return id;
}

async function stored(g: TestGateway, user: string, ...contents: string[]): Promise<void> {
  await g.users(user);
  for (const content of contents) await g.push(entry(content, [user]));
  await until('they are stored', async () => (await g.mailbox(user)).length === contents.length);
}

const noted = (g: TestGateway) => g.redis.command('ZRANGE', g.keys.repeated, 0, -1, 'WITHSCORES');

test('a message that a client never acknowledges is counted from its fifth session on, and named', async () => {
  const g = await gateway();
  await stored(g, 'stuck', 'poison', 'behind it');
  for (let i = 1; i < NOTED; i += 1) await session(g, 'stuck', ['ack'], 'poison');
  expect(await noted(g)).toEqual([]);
  let id = '';
  for (let i = NOTED; i <= NOTED + 2; i += 1) id = await session(g, 'stuck', ['ack'], 'poison');
  expect(await noted(g)).toEqual(['stuck', String(NOTED + 2)]);
  expect(await g.redis.command('HGET', g.keys.user('stuck'), 'repeated')).toBe(`${id} ${NOTED + 2}`);
  await until('every gateway tells', async () => (await g.metric(METRIC)) === 3);
});

test('an acknowledged message is not: the count restarts with the next message', async () => {
  const g = await gateway();
  await stored(g, 'slow', 'one', 'two');
  for (let i = 1; i <= NOTED; i += 1) await session(g, 'slow', ['ack'], 'one');
  expect(await noted(g)).toEqual(['slow', String(NOTED)]);
  await session(g, 'slow', ['ack'], 'one', true);
  const id = await session(g, 'slow', ['ack'], 'two');
  expect(await noted(g)).toEqual([]);
  expect(await g.redis.command('HGET', g.keys.user('slow'), 'repeated')).toBe(`${id} 1`);
});

test('an application message that waits while a plain client comes and goes is not repeated', async () => {
  const g = await gateway();
  await g.users('plain');
  await g.route({ commandId: 2_000, body: '{"reboot": true}', to: ['plain'] });
  for (let i = 0; i <= NOTED; i += 1) {
    const client = await g.verified('plain');
    client.send(2, { chat_to: 'plain', chat_content: 'live' });
    await client.receives(102);
    await client.leave();
  }
  expect(await noted(g)).toEqual([]);
});
