import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { drainQueue } from '../../contract/store/scripts/drain-queue.ts';
import { takeDeadLetter } from '../../functions/dead-letters/take-dead-letter.ts';
import { createRuntime, type Runtime } from '../../functions/runtime/runtime.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { type HttpApi, startHttpApi, stores } from '../kit/http-api.ts';
import { sharedClusterUrl, sharedRedisUrl } from '../kit/redis.ts';

interface Letter {
  id: string;
  entry: string;
  bytes: number;
  encoding: string;
  reason: string | null;
  at: number | null;
  chat_to: string[] | null;
}

describe.each(stores)('dead letters over %s', (store) => {
  let http: HttpApi;
  let gateway: Runtime;
  let queue: string;
  let dead: string;
  beforeAll(async () => {
    http = await startHttpApi({ store });
    const isCluster = store === 'ioredis in a cluster';
    gateway = await createRuntime({
      REDIS_URL: isCluster ? sharedClusterUrl() : sharedRedisUrl(),
      REDIS_CLUSTER: String(isCluster),
      REDIS_KEY_PREFIX: http.prefix,
    });
    ({ queue, queueDead: dead } = keysOf(http.prefix));
    await http.addUser('ann');
  });
  afterEach(() => http.redis.del(dead, queue));
  afterAll(async () => {
    await gateway.redis.close();
    await http.stop();
  });

  const limits = {
    offlineTtlSeconds: 60,
    mailboxMax: 10,
    highestId: 0,
    maxEntries: 100,
    maxRecipients: 10,
    maxEntryBytes: 10_000,
    maxFrameBytes: 65_536,
  };
  const drain = () => drainQueue(gateway.redis, gateway.keys, limits);
  const list = async (query = ''): Promise<{ letters: Letter[]; total: number; cursor: string | null }> =>
    (await http.call('GET', `/dead-letters${query}`)).body;
  const first = async (): Promise<Letter> => {
    const [letter] = (await list()).letters;
    if (letter === undefined) throw new Error('there is no letter');
    return letter;
  };
  const retry = (id: string) => http.call('POST', `/dead-letters/${id}/retry`);
  const remove = (id: string) => http.call('DELETE', `/dead-letters/${id}`);
  const letterOf = (entry: string) => JSON.stringify({ entry, reason: 'not JSON', at: 1_700_000_000_000 });

  it('are listed with the reason, the newest first', async () => {
    await http.redis.lpush(
      queue,
      'no JSON',
      '{"command_id":102,"chat_from":"p","chat_to":["ghost","ann"],"chat_content":"x"}',
    );
    expect(await drain()).toMatchObject({ taken: 2, dead: 2 });
    const { letters, total, cursor } = await list();
    expect([total, cursor]).toEqual([2, null]);
    expect(letters).toEqual([
      {
        id: expect.stringMatching(/^1-[\da-f]{16}$/),
        entry: '{"command_id":102,"chat_from":"p","chat_to":["ghost","ann"],"chat_content":"x"}',
        bytes: 79,
        encoding: 'utf8',
        reason: 'unknown recipients',
        at: expect.any(Number),
        chat_to: ['ghost'],
      },
      expect.objectContaining({
        id: expect.stringMatching(/^0-/),
        entry: 'no JSON',
        reason: 'not JSON',
        chat_to: null,
      }),
    ]);
  });

  it('are paged, and later letters shift nothing', async () => {
    for (let i = 0; i < 7; i += 1) await http.redis.lpush(dead, letterOf(String(i)));
    const seen: string[] = [];
    let query = '?limit=3';
    for (let pages = 0; query !== '' && pages < 5; pages += 1) {
      const { letters, cursor } = await list(query);
      seen.push(...letters.map(({ entry }) => entry));
      await http.redis.lpush(dead, letterOf('newer'));
      query = cursor === null ? '' : `?limit=3&cursor=${cursor}`;
    }
    expect(seen).toEqual(['6', '5', '4', '3', '2', '1', '0']);
    for (const wrong of ['limit=0', 'limit=101', 'limit=x', 'cursor=x', 'cursor=-1', 'cursor=12345678901']) {
      expect([wrong, (await http.call('GET', `/dead-letters?${wrong}`)).status]).toEqual([wrong, 400]);
    }
    expect(await list('?cursor=0')).toMatchObject({ letters: [], cursor: null });
  });

  it('return to the queue, once', async () => {
    const entry = '{"command_id":102,"chat_from":"p","chat_to":["late"],"chat_content":"\\u4e2d"}';
    await http.redis.lpush(queue, entry);
    await drain();
    const { id } = await first();
    await http.addUser('late');
    expect((await retry(id)).status).toBe(200);
    expect(await http.redis.lrange(queue, 0, -1)).toEqual([entry]);
    expect(await http.redis.llen(dead)).toBe(0);
    expect((await retry(id)).body).toEqual({
      code: 0,
      error: 'no_such_letter',
      message: 'there is no such dead letter: it may have been retried or deleted',
    });
    expect(await drain()).toMatchObject({ taken: 1, dead: 0 });
    expect((await http.redis.zrange(`${http.prefix}mailbox:late`, '0', '-1'))[0]).toContain(
      '"chat_content": "\\u4e2d"',
    );
    const [record] = (await http.call('GET', '/audit?limit=1')).body.records;
    expect(record).toMatchObject({ by: 'op', kind: 'dead_letter_retried', target: id });
  });

  it('are retried, as they were written, only for recipients that had not got them', async () => {
    const written = (to: string) =>
      `{"command_id":103,"chat_from":"\\u00e9","chat_to":${to},"chat_content":"a\\/b \\u4e2d","n":12345678901234567890}`;
    await http.redis.lpush(queue, written('["ann","gone\\"x","ann"]'));
    await drain();
    expect((await retry((await first()).id)).status).toBe(200);
    expect(await http.redis.lrange(queue, 0, -1)).toEqual([written('["gone\\"x"]')]);
  });

  it('keep their names while others come and go', async () => {
    for (let i = 0; i < 50; i += 1) await http.redis.lpush(dead, letterOf(String(i)));
    const { letters } = await list();
    const named = (entry: string) => letters.find((one) => one.entry === entry)?.id ?? '';
    await http.redis.lpush(dead, letterOf('newer'));
    for (const gone of ['0', '7', '8', '49']) expect((await remove(named(gone))).status).toBe(200);
    expect((await remove(named('7'))).status).toBe(404);
    expect((await retry(named('30'))).status).toBe(200);
    expect(await http.redis.lrange(queue, 0, -1)).toEqual(['30']);
    const left = (await list('?limit=100')).letters.map(({ entry }) => entry);
    expect(left).toHaveLength(46);
    for (const gone of ['0', '7', '8', '30', '49']) expect(left).not.toContain(gone);
  });

  it('are searched for in bounded calls', async () => {
    const add = "for i = 1, 600 do redis.call('LPUSH', KEYS[1], i .. string.rep('x', 10000)) end";
    await http.redis.eval(add, 1, dead);
    const oldest = (await list('?cursor=1')).letters[0]?.id.split('-')[1];
    expect((await remove(`599-${'0'.repeat(16)}`)).status).toBe(404);
    expect((await remove(`700-${oldest}`)).status).toBe(200);
    expect([await http.redis.llen(dead), (await http.redis.lindex(dead, -1))?.slice(0, 2)]).toEqual([599, '2x']);
  });

  it('are in the queue once, however many retry them at the same moment', async () => {
    await http.redis.lpush(dead, letterOf('a'), letterOf('b'));
    const { id } = await first();
    const answers = await Promise.all([retry(id), retry(id), remove(id), retry(id)]);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await http.redis.llen(queue)).toBeLessThanOrEqual(1);
    expect(await http.redis.lrange(dead, 0, -1)).toEqual([letterOf('a')]);
  });

  it('are taken once when a broken connection makes a driver repeat the call', async () => {
    await http.redis.lpush(dead, letterOf('a'), letterOf('a'));
    const { id } = await first();
    const { redis } = gateway;
    const askedAgain: RedisPort['script'] = async (...call) => {
      await redis.script(...call);
      return redis.script(...call);
    };
    const port: RedisPort = {
      command: (...call) => redis.command(...call),
      pipeline: (...call) => redis.pipeline(...call),
      script: askedAgain,
      close: async () => undefined,
    };
    expect(await takeDeadLetter({ ...gateway, redis: port }, { id, what: 'retry', by: 'op' })).toBe(true);
    expect([await http.redis.llen(queue), await http.redis.llen(dead)]).toEqual([1, 1]);
  });

  it('are deleted for good', async () => {
    await http.redis.lpush(dead, letterOf('a'), letterOf('b'), letterOf('a'));
    // The newest, not the equal one.
    expect((await remove((await first()).id)).status).toBe(200);
    expect(await http.redis.lrange(dead, 0, -1)).toEqual([letterOf('b'), letterOf('a')]);
    await http.redis.del(dead);
    await http.redis.lpush(dead, letterOf('a'));
    const { id } = await first();
    expect((await remove(id)).body).toEqual({ code: 1, message: 'done' });
    expect([await http.redis.llen(dead), await http.redis.llen(queue)]).toEqual([0, 0]);
    const [record] = (await http.call('GET', '/audit?limit=1')).body.records;
    expect(record).toMatchObject({ kind: 'dead_letter_deleted', target: id });
  });

  it('that are not UTF-8 return with the same bytes', async () => {
    const bytes = Buffer.from([0x7b, 0xff, 0xc3, 0x28, 0x80, 0xbf, 0xc0, 0x7d]);
    await http.redis.lpush(queue, bytes);
    await drain();
    const letter = await first();
    expect(letter).toMatchObject({ encoding: 'latin1', reason: 'not UTF-8', entry: bytes.toString('latin1') });
    expect((await retry(letter.id)).status).toBe(200);
    expect(await http.redis.lrangeBuffer(queue, 0, -1)).toEqual([bytes]);
  });

  it('of other producers are shown, too, and return whole', async () => {
    const strangers = ['nothing of ours', '[1]', '{"entry":7}', '{"entry":"x","reason":1,"at":"y","chat_to":{}}'];
    for (const one of strangers) await http.redis.lpush(dead, one);
    const { letters } = await list();
    expect(letters.map(({ entry, reason, at }) => [entry, reason, at])).toEqual([
      ['x', null, null],
      ['{"entry":7}', null, null],
      ['[1]', null, null],
      ['nothing of ours', null, null],
    ]);
    for (const { id } of letters) expect((await retry(id)).status).toBe(200);
    expect(await http.redis.lrange(queue, 0, -1)).toEqual(['nothing of ours', '[1]', '{"entry":7}', 'x']);
  });

  it('of any size are shown by their beginning and retried whole', async () => {
    const entry = `${'x'.repeat(4_095)}é${'y'.repeat(2_000_000)}`;
    await http.redis.lpush(dead, letterOf('older'), letterOf(entry));
    const { letters, cursor } = await list();
    expect(letters.map((one) => [one.entry, one.bytes])).toEqual([['x'.repeat(4_095), Buffer.byteLength(entry)]]);
    expect(cursor).toBe('1');
    expect((await retry(letters[0]?.id ?? '')).status).toBe(200);
    expect(await http.redis.lindex(queue, 0)).toBe(entry);
  });

  it.each([
    'x',
    '0',
    '0-',
    '0-0123456789abcdeg',
    '0-0123456789abcdef',
    '-1-0123456789abcdef',
    '99999999999-0123456789abcdef',
  ])('have no letter named %s', async (id) => {
    await http.redis.lpush(dead, letterOf('a'));
    expect([(await retry(id)).status, (await remove(id)).status]).toEqual([404, 404]);
    expect(await http.redis.llen(dead)).toBe(1);
  });
});
