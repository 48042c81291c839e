import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterEach, describe, expect, it } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { errorWord } from '../../functions/http/error-word.ts';
import { MESSAGES } from '../../functions/http/messages.ts';
import { languageOf } from '../../functions/http/text.ts';
import { traceparentOf } from '../../functions/http/traceparent.ts';
import { START_TIMEOUT_MS } from '../../functions/runtime/drivers/failures.ts';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import { RedisClock } from '../../functions/runtime/redis-clock.ts';
import { readStoreSecret } from '../../functions/runtime/secrets.ts';
import { RedisUnavailableError } from '../../shared/redis/errors.ts';
import { startHttpApi } from '../kit/http-api.ts';

describe('the language of a response', () => {
  const cases: [string | undefined, 'en' | 'zh'][] = [
    [undefined, 'en'],
    ['', 'en'],
    ['zh', 'zh'],
    ['zh-CN,zh;q=0.9,en;q=0.8', 'zh'],
    ['ZH-hant-TW', 'zh'],
    ['en-GB,zh;q=0.5', 'en'],
    ['zh;q=0.1, en;q=0.2', 'en'],
    ['fr;q=1, zh ; q = 0.3', 'zh'],
    ['zh;q=0', 'en'],
    [',,;;=', 'en'],
  ];
  it.each(cases)('of %j is %s', (header, language) => expect(languageOf(header)).toBe(language));

  it.each(Object.entries(MESSAGES))('has a sentence for %s in both', (_, { en, zh }) => {
    expect(en).toMatch(/^[\x20-\x7e]+$/);
    expect(zh).toMatch(/[\u4e00-\u9fff]/);
  });
});

it('docs/http-api.md has every error word, and no other', () => {
  const page = readFileSync(new URL('../../docs/http-api.md', import.meta.url), 'utf8');
  const list = page.slice(page.indexOf('### Error words'), page.indexOf('These words do not change'));
  const documented = new Set([...list.matchAll(/`([a-z_0-9]+)`/g)].map(([, word]) => word));
  for (const other of ['error', 'message']) documented.delete(other);
  expect([...documented].sort()).toEqual([...errorWord.options].sort());
});

describe('traceparent', () => {
  it('goes on with the trace of the caller under a span of ours', () => {
    const given = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`;
    expect(traceparentOf(given)).toMatch(new RegExp(`^00-${'a'.repeat(32)}-(?!b{16})[\\da-f]{16}-00$`));
  });
  it.each([
    undefined,
    'x',
    `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`,
    `ff-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    '","x',
  ])('is made where there is none: %j', (header) =>
    expect(traceparentOf(header)).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-01$/),
  );
});

describe('the estimate of the clock of Redis', () => {
  const of = async (offsets: number[]) => {
    let asked = 0;
    const port = {
      command: () => Promise.reject(new RedisUnavailableError('away')),
      pipeline: () => Promise.reject(new RedisUnavailableError('away')),
      close: async () => undefined,
      script: async () => {
        asked += 1;
        return String(Date.now() + (offsets[0] ?? 0));
      },
    };
    const clock = new RedisClock(port, keysOf(''));
    const first = (await clock.deadline()) - Date.now();
    for (const offset of offsets.slice(1)) clock.learn(Date.now() + offset, Date.now());
    return { first, last: (await clock.deadline()) - Date.now(), asked };
  };

  it('asks once, and follows a clock that is set', async () => {
    const { first, last, asked } = await of([60_000, -60_000]);
    expect(asked).toBe(1);
    // Never later; earlier by what the machine took to ask and to answer.
    for (const [deadline, latest] of [
      [first, 60_000 + START_TIMEOUT_MS],
      [last, -60_000 + START_TIMEOUT_MS],
    ] as const) {
      expect(deadline).toBeLessThanOrEqual(latest);
      expect(deadline).toBeGreaterThan(latest - 5_000);
    }
  });

  it('does not move the deadline for a slow reply', () => {
    const clock = new RedisClock({ script: async () => '0' } as never, keysOf(''));
    const now = Date.now();
    clock.learn(now - 1_000, now - 2_000);
    return expect(clock.deadline()).resolves.toBeLessThanOrEqual(Date.now() + START_TIMEOUT_MS);
  });
});

describe('the secret of the store', () => {
  const extensions: ReturnType<typeof createServer>[] = [];
  afterEach(() => {
    for (const server of extensions.splice(0)) server.close();
  });
  const arn = 'arn:aws:secretsmanager:eu-central-1:1:secret:x-AbCdEf';

  async function extension(...answers: [number, string][]): Promise<Record<string, string>> {
    const server = createServer((request, response) => {
      const [status, body] = answers.length > 1 ? (answers.shift() ?? [500, '']) : (answers[0] ?? [500, '']);
      const isAsked = request.url === `/secretsmanager/get?secretId=${encodeURIComponent(arn)}`;
      const isAllowed = request.headers['x-aws-parameters-secrets-token'] === 'session';
      response.writeHead(isAsked && isAllowed ? status : 403).end(body);
    }).listen(0, 'localhost');
    await once(server, 'listening');
    extensions.push(server);
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? String(address.port) : '';
    return { PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: port, AWS_SESSION_TOKEN: 'session' };
  }
  const answer = (secret: object): string => JSON.stringify({ SecretString: JSON.stringify(secret) });

  it('is read as soon as the extension is ready', async () => {
    const env = await extension([400, 'not ready'], [200, answer({ username: 'u', password: 'p' })]);
    expect((await readStoreSecret(arn, env)).current).toEqual({ store: { username: 'u', password: 'p' } });
  });

  it('may be that of Upstash', async () => {
    const env = await extension([200, answer({ restUrl: 'https://x.test', restToken: 't', redisUrl: 'rediss://x' })]);
    expect((await readStoreSecret(arn, env)).current).toEqual({
      upstash: { restUrl: 'https://x.test', restToken: 't' },
    });
  });

  it('is not in the error about it', async () => {
    const env = await extension([200, answer({ user: 'u', password: 'very-secret' })]);
    const failure = await readStoreSecret(arn, env).catch(String);
    expect(failure).toContain('REDIS_SECRET_ARN');
    expect(failure).not.toContain('very-secret');
  });
});

describe('the environment', () => {
  it('counts an empty variable as one that is not set', () => {
    const { TOKEN_TTL_S, REDIS_CLUSTER } = readEnvironment({
      REDIS_URL: 'redis://x',
      TOKEN_TTL_S: '',
      REDIS_CLUSTER: '',
    });
    expect([TOKEN_TTL_S, REDIS_CLUSTER]).toEqual([2_592_000, false]);
  });
});

describe('a bundle', () => {
  const cases: [string, string, string][] = [
    ['upstash', '@upstash/redis', 'ioredis'],
    ['ioredis', 'ioredis', '@upstash/redis'],
  ];
  it.each(cases)('for %s holds %s and not %s', async (condition, has, hasNot) => {
    const { metafile } = await build({
      entryPoints: [fileURLToPath(new URL('../../functions/send-command/handler.ts', import.meta.url))],
      conditions: [condition],
      bundle: true,
      platform: 'node',
      format: 'esm',
      write: false,
      metafile: true,
      outdir: 'out',
      logLevel: 'error',
    });
    const inputs = Object.keys(metafile.inputs);
    const holds = (name: string): boolean => inputs.some((input) => input.includes(`node_modules/${name}/`));
    expect([holds(has), holds(hasNot)]).toEqual([true, false]);
    expect(inputs.filter((input) => !/^(node_modules|contract|shared|functions)\//.test(input))).toEqual([]);
    expect(inputs.filter((input) => /^functions\/(?!send-command|http|runtime|routes)/.test(input))).toEqual([]);
  });
});

describe('a slow peer', () => {
  it('that never ends its headers gets 408 and loses its connection', async () => {
    const http = await startHttpApi();
    const socket = connect(http.api.port, '127.0.0.1', () =>
      socket.write('GET /stats HTTP/1.1\r\nHost: x\r\nX-Slow: '),
    );
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect((await http.call('GET', '/stats')).status).toBe(200);
    await http.stop();
  });
});
