import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { createLog } from '../../functions/runtime/log.ts';
import { type Api, startApi } from '../../local/http/server.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { tokenOf } from '../kit/users.ts';
import { type ApiTarget, startApiTarget } from './support/api-target.ts';

let target: ApiTarget;
beforeAll(async () => {
  target = await startApiTarget({ MAX_BODY_BYTES: '65536' });
});
afterAll(() => target.stop());

/** What comes back for these very bytes, until the server ends the connection or has answered so many times. */
async function raw(bytes: string, answers = 1): Promise<string> {
  const socket = connect(target.port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1');
  const ended = once(socket, 'close');
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: string) => {
    text += chunk;
    if ((text.match(/HTTP\/1\.1 \d{3}/g)?.length ?? 0) >= answers && text.includes('"message"')) socket.end();
  });
  socket.write(bytes, 'latin1');
  await ended;
  return text;
}

const statusesOf = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
const command = '{"command_id":102,"chat_to":"ann","content":"smuggled"}';

/** The log lines of what reached a handler. */
const handled = () => target.logged.filter(({ event }) => event === 'request').length;

describe('header smuggling', () => {
  const inner = () =>
    `POST /send-command HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${target.operator}\r\nContent-Length: ${command.length}\r\n\r\n${command}`;

  const ambiguous: [string, (body: string) => string][] = [
    ['two lengths', (b) => `Content-Length: 2\r\nContent-Length: ${b.length + 2}\r\n\r\n{}${b}`],
    ['a list of lengths', (b) => `Content-Length: 2, ${b.length}\r\n\r\n{}${b}`],
    [
      'a length and chunks',
      (b) => `Content-Length: ${b.length + 5}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${b}`,
    ],
    ['chunks that are spelled otherwise', (b) => `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${b}`],
    ['chunks named twice', (b) => `Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${b}`],
    ['a space before the colon', (b) => `Transfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n{}${b}`],
    ['a header that is folded', (b) => `X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 2 x\r\n\r\n{}${b}`],
    ['a length with a sign', (b) => `Content-Length: +2\r\n\r\n{}${b}`],
    ['a length in hex', (b) => `Content-Length: 0x2\r\n\r\n{}${b}`],
    ['a negative length', (b) => `Content-Length: -1\r\n\r\n${b}`],
    ['a huge length', (b) => `Content-Length: 99999999999999999999\r\n\r\n${b}`],
    ['a huge chunk', (b) => `Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n${b}`],
    ['a chunk with a sign', (b) => `Transfer-Encoding: chunked\r\n\r\n-1\r\n${b}`],
    ['a bare line feed in a header', (b) => `X: a\nTransfer-Encoding: chunked\r\nContent-Length: 2 \r\r\n\r\n{}${b}`],
    ['a NUL in a header', (b) => `X: a\0b\r\nContent-Length: 2\r\n\r\n{}${b}`],
  ];
  test.each(ambiguous)('%s: refused, the connection ends, and nothing behind it is a request', async (_, headers) => {
    await target.attack(async () => {
      const before = await target.waiting();
      const text = await raw(`POST /send-command HTTP/1.1\r\nHost: x\r\n${headers(inner())}`, 2);
      expect(statusesOf(text)).toEqual([400]);
      expect(text).toContain('connection: close');
      expect(text).not.toMatch(/HPE_|Parse Error|at .*\.js/);
      expect(await target.waiting()).toBe(before);
    });
  });

  test('two Authorization headers: neither makes the other an operator', async () => {
    const two = `GET /stats HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong.wrong\r\nAuthorization: Bearer ${target.operator}\r\n\r\n`;
    await target.attack(async () => expect(statusesOf(await raw(two))).toEqual([401]));
  });

  test('a line break in a value reaches no response header', async () => {
    const { headers } = await target.call('GET', '/users/a%0d%0aset-cookie:%20x=1');
    expect(headers.get('set-cookie')).toBeNull();
    expect((await raw('GET /nowhere%0d%0aX-Evil:1 HTTP/1.1\r\nHost: x\r\n\r\n')).toLowerCase()).not.toMatch(/^x-evil/m);
  });

  test("headers that claim the caller's identity or address are ignored", async () => {
    for (const name of ['x-forwarded-for', 'x-real-ip', 'x-amzn-request-context', 'x-http-method-override']) {
      const { status } = await target.call('GET', '/stats', { token: null, headers: { [name]: '127.0.0.1, op' } });
      expect(status).toBe(401);
    }
    expect(target.logged.every(({ source_ip: ip }) => ip === undefined || ip === '127.0.0.1')).toBe(true);
  });
});

describe('sizes', () => {
  test('headers without end', async () => {
    const endless = `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}`;
    await target.attack(async () => expect(statusesOf(await raw(endless))).toEqual([431]));
  });

  test('an oversized body, announced or in chunks, is refused with 413 and not kept in memory', async () => {
    await target.attack(async () => {
      for (let i = 0; i < 10; i += 1) {
        const { status } = await target.call('POST', '/send-command', { body: new Uint8Array(11 * 1024 * 1024) });
        expect(status).toBe(413);
      }
      const { status } = await target.call('POST', '/send-command', { body: `{"content":"${'x'.repeat(70_000)}"}` });
      expect(status).toBe(413);
    });
  });

  test('an oversized batch is refused as a whole, and sends nothing', async () => {
    const one = { command_id: 102, chat_to: 'ann', content: 'x' };
    await target.attack(async () => {
      const before = await target.waiting();
      const { status, body } = await target.send({ commands: Array.from({ length: 101 }, () => one) });
      expect([status, body.code]).toEqual([400, 0]);
      const bomb = await target.send({ ...one, chat_to: Array.from({ length: 1_001 }, (_, i) => `${i}`) });
      expect(bomb.status).toBe(400);
      expect(await target.waiting()).toBe(before);
    });
  });
});

describe('bodies', () => {
  const bodies: [string, string, number][] = [
    ['deep JSON', '['.repeat(60_000), 400],
    [
      'deep JSON, closed',
      `{"command_id":2000,"chat_to":"ann","content":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`,
      400,
    ],
    ['a huge number for a command', '{"command_id":1e999,"chat_to":"ann","content":"x"}', 400],
    ['a number of 10,000 digits', `{"command_id":${'9'.repeat(10_000)},"chat_to":"ann","content":"x"}`, 400],
    ['__proto__ for a command', `{"__proto__":${command}}`, 400],
    ['__proto__ beside a command', `{"__proto__":{"role":"operator"},${command.slice(1)}`, 400],
    ['constructor', '{"constructor":{"prototype":{"role":"operator"}},"commands":{}}', 400],
    ['an id of key syntax', '{"command_id":102,"chat_to":"x*:{y}","content":"x"}', 200],
  ];
  test.each(bodies)('%s', async (_, body, expected) => {
    await target.attack(async () => {
      const { status, text } = await target.call('POST', '/send-command', { body });
      expect(status).toBe(expected);
      expect(text).not.toMatch(/\.ts|node_modules|ReplyError|stack/);
      // Nobody has become an operator by it.
      const token = tokenOf('bob');
      await target.redis.hset(`${target.prefix}user:bob`, { token: tokenAtRest(token) });
      expect((await target.call('GET', '/stats', { token })).status).toBe(403);
    });
  });
});

/** Sends the beginning, and then a piece now and then, until the connection ends. Returns what came back. */
async function drip(beginning: string, piece: string): Promise<string> {
  const socket = connect(target.port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('error', () => socket.destroy());
  const ended = once(socket, 'close');
  socket.write(beginning);
  const dripping = setInterval(() => socket.writable && socket.write(piece), 500);
  await ended;
  clearInterval(dripping);
  return text;
}

test('slow headers and slow bodies: the connections are ended, others are served', async () => {
  await target.attack(async () => {
    const line = 'POST /send-command HTTP/1.1\r\nHost: x\r\n';
    const slow = Promise.all([drip(line, 'X: y\r\n'), drip(`${line}Content-Length: 1000\r\n\r\n`, 'x')]);
    expect((await target.send({ command_id: 102, chat_to: 'ann', content: 'meanwhile' })).status).toBe(200);
    expect((await slow).map(statusesOf)).toEqual([[408], [408]]);
  });
}, 120_000);

describe('every response', () => {
  const paths = ['/stats', '/nowhere', '/login', '/openapi.json', '/web/send-command', '/users/%F0%9F%98%80'];
  test.each(paths)('%s: has its security headers, lets no other origin in, and an id of its log line', async (path) => {
    const { headers } = await target.call('GET', path, { token: null, headers: { origin: 'https://evil.example' } });
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('strict-transport-security')).toMatch(/max-age=\d{8}/);
    expect(headers.get('content-security-policy')).toMatch(/default-src 'none'/);
    expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    const id = headers.get('x-request-id');
    await until('it is logged', () => target.logged.some(({ request_id }) => request_id === id));
  });

  test('a preflight of another origin gets no permission', async () => {
    const { headers } = await target.call('OPTIONS', '/send-command', {
      token: null,
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });

  test('a 500 does not reveal its cause', async () => {
    await target.redis.set(`${target.prefix}stats`, 'not a hash');
    const { status, text } = await target.call('GET', '/stats');
    expect([status, JSON.parse(text)]).toEqual([
      500,
      { code: 0, error: 'internal', message: 'something went wrong on our side' },
    ]);
    await target.redis.del(`${target.prefix}stats`);
  });
});

test('the log of all of this holds no token and no content', () => {
  expect(handled()).toBeGreaterThan(20);
  const log = JSON.stringify(target.logged);
  expect(log).not.toContain(target.operator);
  expect(log).not.toContain('smuggled');
  expect(log).not.toContain('"fresh"');
});

test('the store is out of reach: 503, without its address or credentials', async () => {
  const lines: string[] = [];
  const api: Api = await startApi({
    port: 0,
    env: {
      REDIS_URL: sharedRedisUrl().replace('redis://', 'redis://user:s3cret-pw@').replace(/:\d+$/, ':1'),
      REDIS_KEY_PREFIX: uniquePrefix(),
    },
    log: createLog({ level: 'info' }, { write: (line) => lines.push(line) }),
  });
  const response = await fetch(`${api.url}/stats`, { headers: { authorization: `Bearer ${target.operator}` } });
  expect(response.status).toBe(503);
  expect(await response.text()).not.toMatch(/127\.0\.0\.1|s3cret|ECONN/);
  expect(lines.join('')).not.toContain('s3cret');
  await api.close();
});
