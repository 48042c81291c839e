import { createHash } from 'node:crypto';
import { Redis } from '@upstash/redis';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { uniquePrefix } from './redis.ts';
import { startTestUpstash, type TestUpstash } from './upstash.ts';

const prefix = uniquePrefix();
const key = (name: string): string => `${prefix}${name}`;
let upstash: TestUpstash;

beforeAll(async () => {
  upstash = await startTestUpstash({ redisUrl: inject('redisUrl') });
});
afterAll(() => upstash.stop());

function client(encoding: 'base64' | false, token = upstash.token): Redis {
  return new Redis({
    url: upstash.url,
    token,
    automaticDeserialization: false,
    responseEncoding: encoding,
    enableTelemetry: false,
    retry: false,
  });
}

describe.each([['base64'], [false]] as const)('@upstash/redis with response encoding %s', (encoding) => {
  it('returns strings as they were stored, digits and Chinese too', async () => {
    const redis = client(encoding);
    for (const text of ['123', '你好 ☎️ \u0000 "quoted"', '', 'OK', 'T0s=', 'null']) {
      expect(await redis.set(key('text'), text)).toBe('OK');
      expect(await redis.get(key('text'))).toBe(text);
    }
    expect(await redis.get(key('missing'))).toBeNull();
  });

  it('returns integers, nested arrays and nulls of a script', async () => {
    const redis = client(encoding);
    const script = `return {1, {ARGV[1], {KEYS[1], 'OK'}}, false, '7'}`;
    expect(await redis.eval(script, [key('k')], ['你'])).toEqual([1, ['你', [key('k'), 'OK']], null, '7']);
  });

  it('hands over NOSCRIPT, and runs by hash once the script is there', async () => {
    const redis = client(encoding);
    const script = `return redis.call('INCR', KEYS[1]) -- ${encoding} ${prefix}`;
    const sha = createHash('sha1').update(script).digest('hex');
    await expect(redis.evalsha(sha, [key(`n-${encoding}`)], [])).rejects.toThrow(/NOSCRIPT No matching script/);
    expect(await redis.eval(script, [key(`n-${encoding}`)], [])).toBe(1);
    expect(await redis.evalsha(sha, [key(`n-${encoding}`)], [])).toBe(2);
  });

  it('runs a pipeline in order in one request, each command with its own result or error', async () => {
    const redis = client(encoding);
    await redis.del(key('h'));
    const before = upstash.requests;
    const pipeline = redis.pipeline().set(key('p'), '你').incr(key('p')).hset(key('h'), { a: '1' }).hgetall(key('h'));
    expect(await pipeline.exec({ keepErrors: true })).toEqual([
      { result: 'OK', error: undefined },
      { result: undefined, error: 'ERR value is not an integer or out of range' },
      { result: 1, error: undefined },
      { result: ['a', '1'], error: undefined },
    ]);
    expect(upstash.requests - before).toBe(1);
  });

  it('runs a transaction', async () => {
    const multi = client(encoding).multi().set(key('m'), '5').incr(key('m')).get(key('m'));
    expect(await multi.exec()).toEqual(['OK', 6, '6']);
  });

  it('hands over an error that is not a script’s', async () => {
    const redis = client(encoding);
    await redis.set(key('word'), 'x');
    await expect(redis.incr(key('word'))).rejects.toThrow('ERR value is not an integer or out of range');
  });
});

it('refuses a wrong token', async () => {
  await expect(client('base64', 'another').ping()).rejects.toThrow(/WRONGPASS/);
});

it('refuses commands that block', async () => {
  const answer = await fetch(upstash.url, {
    method: 'POST',
    headers: { authorization: `Bearer ${upstash.token}` },
    body: JSON.stringify(['BLPOP', key('list'), 0]),
  });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toEqual({ error: "ERR Command is not available: 'BLPOP'" });
});

it('aborts a transaction with a command that Redis does not know', async () => {
  const answer = await fetch(`${upstash.url}/multi-exec`, {
    method: 'POST',
    headers: { authorization: `Bearer ${upstash.token}` },
    body: JSON.stringify([['SET', key('never'), '1'], ['NOSUCH']]),
  });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toEqual({ error: expect.stringMatching(/^EXECABORT /) });
  expect(await client('base64').get(key('never'))).toBeNull();
});

it('is out of reach while stopped and comes back on the same port', async () => {
  await upstash.stop();
  await expect(client('base64').ping()).rejects.toThrow();
  await upstash.start();
  expect(await client('base64').ping()).toBe('PONG');
});
