import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineScript } from '../../contract/store/scripts/library.ts';
import { drivers, openStore, type Store } from './ports.ts';

describe.each(drivers)('the Redis port over %s', (driver) => {
  let store: Store;
  beforeAll(async () => {
    store = await openStore(driver);
  });
  afterAll(() => store.stop());

  it('returns text unchanged: digits, JSON, quotes, a byte order mark, the empty string', async () => {
    const key = store.keys.user('texts');
    for (const text of ['123', '1e3', 'true', 'null', '{"a":1}', '"', '\ufeffx', '名字 😀', 'OK', '', 'a\r\nb']) {
      await store.port.command('HSET', key, 'f', text);
      expect(await store.port.command('HGET', key, 'f')).toBe(text);
    }
    expect(await store.port.command('HMGET', key, 'f', 'none')).toEqual(['a\r\nb', null]);
    expect(await store.port.command('HGETALL', key)).toEqual(['f', 'a\r\nb']);
    expect(await store.port.command('HGETALL', store.keys.user('none'))).toEqual([]);
  });

  it('runs a pipeline in order, and throws the first refusal', async () => {
    const key = store.keys.user('pipeline');
    const replies = await store.port.pipeline([
      ['HSET', key, 'n', 1],
      ['HINCRBY', key, 'n', 2],
      ['HGET', key, 'n'],
    ]);
    expect(replies).toEqual([1, 3, '3']);
    expect(await store.port.pipeline([])).toEqual([]);
    const wrong = store.port.pipeline([
      ['HGET', key, 'n'],
      ['LPUSH', key, 'x'],
    ]);
    await expect(wrong).rejects.toThrow('WRONGTYPE');
  });

  it('loads a script that Redis has forgotten', async () => {
    const script = defineScript('forgotten', `-- ${store.keys.prefix}\nreturn { KEYS[1], ARGV[2], 7, false, { 'a' } }`);
    const run = () => store.port.script(script, [store.keys.users], [store.keys.prefix, 'é']);
    const answer = [store.keys.users, 'é', 7, null, ['a']];
    expect(await store.redis.script('EXISTS', script.sha1)).toEqual([0]);
    expect(await run()).toEqual(answer);
    expect(await store.redis.script('EXISTS', script.sha1)).toEqual([1]);
    expect(await run()).toEqual(answer);
  });

  it("throws a script's refusal, without the arguments", async () => {
    const script = defineScript('refusing', "return redis.error_reply('ERR no')");
    const failure = await store.port
      .script(script, [store.keys.users], [store.keys.prefix, 'a-secret'])
      .catch((error: Error) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(String(failure)).toContain('ERR no');
    expect(String(failure)).not.toContain('a-secret');
  });
});
