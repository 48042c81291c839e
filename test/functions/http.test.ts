import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpApi, startHttpApi } from '../kit/http-api.ts';

let http: HttpApi;
beforeAll(async () => {
  http = await startHttpApi({ env: { MAX_BODY_BYTES: '2048' } });
});
afterAll(() => http.stop());

/** What the server says to these bytes, until it closes. */
function raw(text: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let answer = '';
  const socket = connect(http.api.port, '127.0.0.1', () => socket.write(text));
  socket
    .on('data', (chunk) => {
      answer += chunk.toString();
    })
    .on('close', () => resolve(answer))
    .on('error', reject);
  return promise;
}

describe('every response', () => {
  it('has the security headers, a request id, and closes CORS', async () => {
    for (const path of ['/openapi.json', '/nope', '/users', '/']) {
      const { headers } = await http.call('GET', path, { token: null, headers: { origin: 'https://elsewhere.test' } });
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('strict-transport-security')).toMatch(/^max-age=31536000/);
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(headers.get('access-control-allow-origin')).toBeNull();
      expect(headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
      if (path !== '/' && path !== '/openapi.json') expect(headers.get('cache-control')).toBe('no-store');
    }
  });

  it('is one log line, with the id of the response and no token', async () => {
    const { headers } = await http.call('GET', '/stats');
    const id = headers.get('x-request-id');
    const lines = http.logged.filter((line) => line.request_id === id);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      route: 'GET /stats',
      status: 200,
      reason: 'done',
      user: 'op',
      source_ip: '127.0.0.1',
    });
    expect(JSON.stringify(http.logged)).not.toContain(http.operator);
  });
});

describe('a request without a route', () => {
  it.each(['/nope', '/login/', '//login', '/users/a/b', '/Login', '/%6cogin/x', '/__proto__'])(
    'is 404: %s',
    async (path) => {
      const { status, body } = await http.call('GET', path);
      expect([status, body]).toEqual([404, { code: 0, error: 'no_such_route', message: 'there is no such route' }]);
    },
  );

  it('is 405 where the path has other methods, and says which', async () => {
    const { status, body, headers } = await http.call('PUT', '/web/send-command', { body: '{}' });
    expect([status, body.code, headers.get('allow')]).toEqual([405, 0, 'POST, GET, OPTIONS']);
    expect((await http.call('GET', '/login')).status).toBe(405);
    expect((await http.call('POST', '/users/x', { body: '{}' })).headers.get('allow')).toBe('GET, DELETE, OPTIONS');
  });

  it('has a response in Chinese, too', async () => {
    const { body } = await http.call('GET', '/nope', { headers: { 'accept-language': 'zh' } });
    expect(body.message).toBe('没有该路径');
  });

  it('is 400 where the path is not well-formed', async () => {
    expect((await http.call('GET', '/users/%')).body).toEqual({
      code: 0,
      error: 'bad_path',
      message: 'the path is not well-formed',
    });
  });
});

describe('methods', () => {
  it('OPTIONS lists the methods and lets no other origin in', async () => {
    const { status, headers, text } = await http.call('OPTIONS', '/send-command', {
      headers: { origin: 'https://elsewhere.test', 'access-control-request-method': 'POST' },
    });
    expect([status, text, headers.get('allow')]).toEqual([204, '', 'POST, OPTIONS']);
    expect([...headers.keys()].some((name) => name.startsWith('access-control'))).toBe(false);
    expect((await http.call('OPTIONS', '/nope')).status).toBe(404);
  });

  it('HEAD is GET without the body', async () => {
    const get = await http.call('GET', '/openapi.json');
    const head = await http.call('HEAD', '/openapi.json', { headers: { 'accept-encoding': 'identity' } });
    expect([head.status, head.text]).toEqual([200, '']);
    expect(head.headers.get('content-length')).toBe(String(Buffer.byteLength(get.text)));
  });
});

describe('bodies', () => {
  it('over the limit of the functions are 413', async () => {
    const { status, body } = await http.send({ command_id: 104, content: 'x'.repeat(3_000) });
    expect([status, body.error]).toEqual([413, 'too_large']);
  });

  it('over 10 MB are 413 before there is an event', async () => {
    const { status, body } = await http.call('POST', '/send-command', { body: 'x'.repeat(11 * 1024 * 1024) });
    expect([status, body.error]).toEqual([413, 'too_large']);
  });

  it('behind an invalid token are not parsed', async () => {
    expect((await http.call('POST', '/send-command', { token: 'x', body: 'not JSON' })).status).toBe(401);
    expect((await http.call('POST', '/send-command', { body: 'not JSON' })).status).toBe(400);
  });

  it.each(['1', '12345678901234567890', '[]', 'null'])('that are not an object are 400: %s', async (body) => {
    const answer = await http.call('POST', '/send-command', { body });
    expect([answer.status, answer.body.error]).toEqual([400, 'not_an_object']);
  });

  it('may begin with a byte order mark and may come in pieces', async () => {
    const body = '\ufeff{"command_id":104,"content":"x"}';
    expect((await http.call('POST', '/send-command', { body })).status).toBe(200);
    const head = `POST /send-command HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${http.operator}\r\nConnection: close\r\n`;
    const pieces = '7\r\n{"comma\r\n16\r\nnd_id":104,"content":"\r\n3\r\nx"}\r\n0\r\n\r\n';
    expect(await raw(`${head}Transfer-Encoding: chunked\r\n\r\n${pieces}`)).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('hostile bytes', () => {
  it('that are not HTTP are 400 and close the connection', async () => {
    const answer = await raw('\x16\x03\x01 hello\r\n\r\n');
    expect(answer).toMatch(
      /^HTTP\/1\.1 400 [\s\S]*\{"code":0,"error":"malformed","message":"the request could not be read"\}$/,
    );
  });

  it('cannot smuggle a second request behind two lengths', async () => {
    const both =
      'POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /stats';
    expect(await raw(both)).toMatch(/^HTTP\/1\.1 400 /);
    const two = 'POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde';
    expect(await raw(two)).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('in headers beyond the limit are 431', async () => {
    expect(await raw(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('cannot claim another address, nor two tokens', async () => {
    const { status } = await http.call('GET', '/stats', { headers: { 'x-forwarded-for': '6.6.6.6' } });
    expect(status).toBe(200);
    expect(JSON.stringify(http.logged)).not.toContain('6.6.6.6');
    const twice = `Authorization: Bearer ${http.operator}\r\n`;
    const answer = await raw(`GET /stats HTTP/1.1\r\nHost: x\r\n${twice}${twice}Connection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  });
});

describe.each(['/', '/openapi.json'])('the document at %s', (path) => {
  const get = (headers: Record<string, string>) => http.call('GET', path, { token: null, headers });

  it.each([
    ['br, gzip', 'br'],
    ['gzip', 'gzip'],
    ['gzip;q=1.0, br;q=0', 'gzip'],
    ['identity', null],
  ])('is compressed as the client takes it: %s', async (accepted, encoding) => {
    const plain = await get({ 'accept-encoding': 'identity' });
    const { headers, text } = await get({ 'accept-encoding': accepted });
    expect([headers.get('content-encoding'), headers.get('vary')]).toEqual([encoding, 'accept-encoding']);
    expect(text).toBe(plain.text);
    if (encoding) expect(Number(headers.get('content-length'))).toBeLessThan(plain.text.length / 2);
  });

  it('is not sent again to a client that has it', async () => {
    const { headers } = await get({ 'accept-encoding': 'gzip' });
    const etag = headers.get('etag') ?? '';
    for (const known of [etag, `"other", W/${etag}`, '*']) {
      const again = await get({ 'accept-encoding': 'gzip', 'if-none-match': known });
      expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag]);
    }
    expect((await get({ 'if-none-match': '"other"' })).status).toBe(200);
  });
});

describe('the console', () => {
  it('runs only the script and the style that its policy names', async () => {
    for (const path of ['/', '/web/send-command']) {
      const { status, headers, text } = await http.call('GET', path, { token: null });
      expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toContain('unsafe-inline');
      for (const tag of ['script', 'style']) {
        const source = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(text)?.[1] ?? '';
        const digest = createHash('sha256').update(source).digest('base64');
        expect(policy).toContain(`${tag}-src 'sha256-${digest}'`);
      }
    }
  });
});
