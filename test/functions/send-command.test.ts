import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { parseInboxRecord, parseMailboxMember } from '../../contract/store/records.ts';
import { type HttpApi, startHttpApi, stores } from '../kit/http-api.ts';
import { tokenOf } from '../kit/users.ts';

describe.each(stores)('POST /send-command over %s', (store) => {
  let http: HttpApi;
  beforeAll(async () => {
    http = await startHttpApi({ store });
    await http.addUser('bob');
    await http.addUser('plain-user', { token: tokenOf('plain-user') });
  });
  afterAll(() => http.stop());

  const mailbox = async (id: string) =>
    (await http.redis.zrange(keysOf(http.prefix).mailbox(id), '0', '-1')).map(parseMailboxMember);

  it('stores for offline users, and returns the id and the counts', async () => {
    const { status, body } = await http.send({ command_id: 102, chat_to: 'bob', content: '你好 "quoted"\n' });
    expect(status).toBe(200);
    expect(body).toEqual({
      code: 1,
      message: 'done',
      id: expect.stringMatching(/^\d{16}$/),
      recipients: { online: 0, stored: 1, unknown: 0 },
    });
    const [message] = await mailbox('bob');
    expect(message?.head).toMatchObject({ id: body.id, commandId: 102, version: 1100 });
    expect(JSON.parse(message?.body ?? '')).toEqual({ chat_from: 'op', chat_content: '你好 "quoted"\n' });
  });

  it('hands over to the gateway of a connected user', async () => {
    const keys = keysOf(http.prefix);
    await http.redis.zadd(keys.gateways, Date.now() + 60_000, 'g1');
    await http.addUser('ann', { token: 't', gateway: 'g1', epoch: '7', form: 'plain' });
    const { body } = await http.send({ command_id: 103, chat_to: ['ann', 'bob', 'ann', 'nobody'], content: 'x' });
    expect(body.recipients).toEqual({ online: 1, stored: 1, unknown: 1 });
    const [entry] = await http.redis.xrange(keys.inbox('g1'), '-', '+');
    const [field = '', value = ''] = entry?.[1] ?? [];
    expect(parseInboxRecord(field, value)).toMatchObject({
      kind: 'message',
      head: { id: body.id, commandId: 103 },
      inboxOnly: [{ userId: 'ann', epoch: 7 }],
    });
  });

  it('sends a broadcast to every live gateway, and returns the number of connected users', async () => {
    const keys = keysOf(http.prefix);
    await http.redis.zadd(keys.gateways, Date.now() + 60_000, 'g2');
    await http.redis.sadd(keys.sessions('g2'), 'u1', 'u2');
    const { body } = await http.send({ command_id: 104, content: 'all' });
    expect(body.recipients).toEqual({ online: 2, stored: 0, unknown: 0 });
    const [entry] = await http.redis.xrange(keys.inbox('g2'), '-', '+');
    expect(parseInboxRecord(entry?.[1][0] ?? '', '')).toMatchObject({ inboxOnly: 'everyone' });
  });

  it('hands application content over as it was written, numbers and __proto__ too', async () => {
    await http.addUser('device');
    const content = '{"__proto__":{"a":1},"big":12345678901234567890,"huge":1e999,"n":0.1}';
    const body = `{"command_id":2000,"chat_to":["device"],"content":${content}}`;
    expect((await http.call('POST', '/send-command', { body })).status).toBe(200);
    expect((await mailbox('device'))[0]?.body).toBe(content);
  });

  it('returns the result of each command of a batch in its place', async () => {
    const { status, body } = await http.send({
      commands: [
        { command_id: 102, chat_to: 'bob', content: '1' },
        { command_id: 102, content: 'to nobody' },
        { command_id: 2999, chat_to: 'bob', content: { a: 1 } },
        'not a command',
      ],
    });
    expect(status).toBe(200);
    expect(body.results.map((result: { code: number }) => result.code)).toEqual([1, 0, 1, 0]);
    expect(body.results[1]).toEqual({
      code: 0,
      error: 'invalid',
      message: 'chat_to: is missing: only 104 goes to everyone',
    });
    expect(Number(body.results[2].id)).toBeGreaterThan(Number(body.results[0].id));
  });

  it('takes a batch of 100 commands to 1,000 recipients each', { timeout: 60_000 }, async () => {
    const chat_to = Array.from({ length: 1_000 }, (_, i) => `nobody-${i}`);
    const { status, body } = await http.send({
      commands: Array.from({ length: 100 }, () => ({ command_id: 103, chat_to, content: 'x' })),
    });
    expect(status).toBe(200);
    expect(body.results).toHaveLength(100);
    for (const result of body.results) expect(result.recipients).toEqual({ online: 0, stored: 0, unknown: 1_000 });
  });

  it('splits a batch by the bytes of its messages', async () => {
    await http.redis.zadd(keysOf(http.prefix).gateways, Date.now() + 60_000, 'g1');
    await http.addUser('reader', { token: 't', gateway: 'g1', epoch: '1', form: 'plain' });
    const command = { command_id: 102, chat_to: 'reader', content: '好'.repeat(20_000) };
    const { body } = await http.send({ commands: Array(40).fill(command) });
    expect(body.results).toMatchObject(Array(40).fill({ code: 1, recipients: { online: 1 } }));
  });

  it('refuses a key whose steps were other commands: another version may have split the batch in another way', async () => {
    for (const id of ['first', 'second']) await http.addUser(id);
    const record = keysOf(http.prefix).idempotency('op', 'split');
    const group = { command_id: 103, chat_to: { group: 'none' }, content: 'x' };
    const commands = [...['first', 'second'].map((chat_to) => ({ ...group, chat_to })), group, group];
    const headers = { 'idempotency-key': 'split' };
    await http.send({ commands }, headers);
    const [digest, mark, answers = ''] = ((await http.redis.get(record)) ?? '').split(' ');
    const [first = ''] = answers.split(';');
    await http.redis.set(`${record}\n1`, [digest, mark, answers].join(' '));
    await http.redis.set(`${record}\n2`, [digest, mark, first].join(' '));
    const behind = await http.send({ commands }, headers);
    const conflict = { code: 0, error: 'idempotency_conflict' };
    expect(behind.body.results).toMatchObject([{ code: 1 }, { code: 1 }, conflict, conflict]);
    await http.redis.set(record, [digest, mark, first].join(' '));
    expect(await http.send({ commands }, headers)).toMatchObject({ status: 409, body: conflict });
  });

  it('sends once for one Idempotency-Key, and repeats the response', async () => {
    await http.addUser('once');
    const headers = { 'idempotency-key': 'k:1' };
    const command = { command_id: 102, chat_to: 'once', content: 'x' };
    const first = await http.send(command, headers);
    const second = await http.send({ content: 'x', chat_to: 'once', command_id: 102 }, headers);
    expect(second.body).toEqual(first.body);
    expect(await mailbox('once')).toHaveLength(1);
    const other = await http.send({ ...command, content: 'y' }, headers);
    expect([other.status, other.body.code]).toEqual([409, 0]);
    const inBatch = await http.send({ commands: [command] }, headers);
    expect(inBatch.status).toBe(409);
  });

  it('repeats the response of a batch with bad commands, and refuses the key for another batch', async () => {
    await http.addUser('batched');
    const headers = { 'idempotency-key': 'batch' };
    const commands = [{ command_id: 102, chat_to: 'batched', content: 'x' }, { command_id: 1 }];
    const first = await http.send({ commands }, headers);
    expect((await http.send({ commands }, headers)).body).toEqual(first.body);
    expect(await mailbox('batched')).toHaveLength(1);
    expect((await http.send({ commands: [commands[0], { command_id: 2 }] }, headers)).status).toBe(409);
  });

  it('refuses the key for another batch before it sends anything, also when the first step was refused as a whole', async () => {
    for (const id of ['early', 'late']) await http.addUser(id);
    await http.call('PUT', '/groups/early/members', { body: '{"add":["early"]}' });
    const batch = (group: string, content: string) => ({
      commands: [
        { command_id: 103, chat_to: { group }, content },
        { command_id: 102, chat_to: 'late', content },
      ],
    });
    const headers = { 'idempotency-key': 'steps' };
    const first = await http.send(batch('none', 'x'), headers);
    expect(first.body.results).toMatchObject([{ error: 'unknown_group' }, { code: 1 }]);
    const other = await http.send(batch('early', 'y'), headers);
    expect([other.status, other.body.error]).toEqual([409, 'idempotency_conflict']);
    expect(await mailbox('early')).toEqual([]);

    await http.call('PUT', '/groups/none/members', { body: '{"add":["early"]}' });
    const again = await http.send(batch('none', 'x'), headers);
    expect(again.body.results).toMatchObject([{ code: 1, recipients: { members: 1 } }, first.body.results[1]]);
    expect([await mailbox('early'), await mailbox('late')]).toMatchObject([{ length: 1 }, { length: 1 }]);
  });

  it('reports what the first step of a batch has sent when a later one fails, for whatever reason', async () => {
    const { redis, prefix, logged } = http;
    await redis.rpush(`${keysOf(prefix).idempotency('op', 'failing')}\n1`, 'of another type');
    const group = { command_id: 103, chat_to: { group: 'none' }, content: 'x' };
    const commands = [{ command_id: 102, chat_to: 'bob', content: 'x' }, group, { ...group, chat_to: 'bob' }];
    const { status, body } = await http.send({ commands }, { 'idempotency-key': 'failing' });
    expect([status, body.results]).toMatchObject([200, [{ code: 1 }, { code: 0, error: 'internal' }, { code: 1 }]]);
    expect(logged.at(-1)).toMatchObject({ status: 200, refused: 1, error_name: 'RedisReplyError' });
  });

  it('keeps the keys of one user from another, colons or not', async () => {
    for (const id of ['a', 'a:b']) {
      await http.addUser(id, { token: tokenOf(id), role: 'operator' });
    }
    const command = { command_id: 102, chat_to: 'bob', content: 'x' };
    const one = await http.call('POST', '/send-command', {
      token: tokenOf('a'),
      body: JSON.stringify(command),
      headers: { 'idempotency-key': 'b:c' },
    });
    const two = await http.call('POST', '/send-command', {
      token: tokenOf('a:b'),
      body: JSON.stringify({ ...command, content: 'other' }),
      headers: { 'idempotency-key': 'c' },
    });
    expect([one.status, two.status]).toEqual([200, 200]);
  });

  const bad: [string, unknown, string][] = [
    ['no command_id', { chat_to: 'bob', content: 'x' }, 'command_id: is missing'],
    ['an unknown command_id', { command_id: 105, content: 'x' }, 'command_id: is not 102, 103, 104 or 2000-2999'],
    ['a command_id that is text', { command_id: '102', content: 'x' }, 'command_id: is not a number'],
    ['no content', { command_id: 102, chat_to: 'bob' }, 'content: is missing'],
    ['content that is no text', { command_id: 102, chat_to: 'bob', content: 1 }, 'content: is not a string'],
    ['no recipients', { command_id: 102, content: 'x' }, 'chat_to: is missing: only 104 goes to everyone'],
    ['an empty list', { command_id: 103, chat_to: [], content: 'x' }, 'chat_to: is empty'],
    ['an empty id', { command_id: 103, chat_to: ['bob', ''], content: 'x' }, 'chat_to[1]: is empty'],
    ['a number for an id', { command_id: 103, chat_to: ['bob', 1], content: 'x' }, 'chat_to[1]: is not a string'],
    ['a number for the list', { command_id: 103, chat_to: 1, content: 'x' }, 'chat_to: has the wrong type'],
    ['a lone surrogate', { command_id: 102, chat_to: '\ud800', content: 'x' }, 'chat_to: is not well-formed Unicode'],
    [
      'a long id',
      { command_id: 102, chat_to: 'x'.repeat(129), content: 'x' },
      'chat_to: must have at most 128 characters',
    ],
    [
      'too many recipients',
      { command_id: 102, chat_to: Array.from({ length: 1_001 }, (_, i) => `${i}`), content: 'x' },
      'chat_to: must have at most 1000 members',
    ],
    ['ttl_s 0', { command_id: 102, chat_to: 'bob', content: 'x', ttl_s: 0 }, 'ttl_s: must be at least 1'],
    ['ttl_s 1.5', { command_id: 102, chat_to: 'bob', content: 'x', ttl_s: 1.5 }, 'ttl_s: is not a whole number'],
    [
      'receipt "yes"',
      { command_id: 102, chat_to: 'bob', content: 'x', receipt: 'yes' },
      'receipt: is not true or false',
    ],
    ['text to a device', { command_id: 2000, chat_to: 'bob', content: 'x' }, 'content: is not an object'],
    [
      'a reserved member',
      { command_id: 2000, chat_to: 'bob', content: { id: 1 } },
      'content: has a member id, sent_at or ask',
    ],
    ['no device', { command_id: 2000, content: {} }, 'chat_to: is missing'],
    [
      'a group name that is none',
      { command_id: 103, chat_to: { group: 'a b' }, content: 'x' },
      'chat_to.group: is not the name of a group',
    ],
    ['no commands', { commands: [] }, 'commands: is empty'],
    ['101 commands', { commands: Array(101).fill({}) }, 'commands: must have at most 100 members'],
    ['commands that are no list', { commands: {} }, 'commands: is not a list'],
    ['a list', [], 'the body is not a JSON object'],
    ['null', null, 'the body is not a JSON object'],
  ];
  it.each(bad)('refuses %s', async (_what, command, message) => {
    const { status, body } = await http.send(command);
    expect({ status, body }).toEqual({
      status: 400,
      body: { code: 0, error: expect.stringMatching(/^(invalid|not_an_object)$/), message },
    });
    const chinese = await http.send(command, { 'accept-language': 'zh' });
    expect(chinese.body.message).toMatch(/[\u4e00-\u9fff]/);
    expect(chinese.body.message).not.toMatch(/无效$/);
  });

  it.each(['12345678901234567890', '1e999', '-0.12345678901234567890', 'null', '[]'])(
    'refuses %s as the content of an application message',
    async (content) => {
      const command = `{"command_id":2000,"chat_to":"bob","content":${content}}`;
      const one = await http.call('POST', '/send-command', { body: command });
      expect(one).toMatchObject({ status: 400, body: { message: 'content: is not an object' } });
      const batch = await http.call('POST', '/send-command', { body: `{"commands":[${command}]}` });
      expect(batch.body.results[0]).toMatchObject({ code: 0, message: 'content: is not an object' });
    },
  );

  it('refuses content that is nested without end, in one command and in a batch', async () => {
    const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
    const command = `{"command_id":2000,"chat_to":"bob","content":${deep}}`;
    const one = await http.call('POST', '/send-command', { body: command });
    expect([one.status, one.body.message]).toEqual([400, 'content: is nested more than 32 deep']);
    const many = await http.call('POST', '/send-command', { body: `{"commands":[${command}]}` });
    expect([many.status, many.body.results[0].code]).toEqual([200, 0]);
    const keyed = await http.call('POST', '/send-command', {
      body: `{"commands":[${command}]}`,
      headers: { 'idempotency-key': 'deep' },
    });
    expect(keyed.status).toBe(400);
  });

  it.each(['', 'x'.repeat(256), 'ключ'])('refuses the Idempotency-Key %j', async (key) => {
    const headers = { 'idempotency-key': Buffer.from(key).toString('latin1') };
    const { status } = await http.send({ command_id: 102, chat_to: 'bob', content: 'x' }, headers);
    expect(status).toBe(400);
  });

  it('is for operators with a valid token', async () => {
    const as = async (token: string | null) =>
      (await http.call('POST', '/send-command', { token, body: '{"command_id":104,"content":"x"}' })).status;
    expect(await as(null)).toBe(401);
    expect(await as('nonsense')).toBe(401);
    expect(await as(tokenOf('nobody'))).toBe(401);
    expect(await as(`${http.operator}x`)).toBe(401);
    expect(await as(tokenOf('plain-user'))).toBe(403);
    await http.addUser('expired', { token: tokenOf('expired'), role: 'operator', token_expires_at: '1000' });
    expect(await as(tokenOf('expired'))).toBe(401);
  });
});
