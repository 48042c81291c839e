import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withId } from '../../contract/wire/message.ts';
import { serve } from '../../functions/http/serve.ts';
import { createLog } from '../../functions/runtime/log.ts';
import { RedisReplyError, RedisUnavailableError } from '../../shared/redis/errors.ts';
import { type HttpApi, startHttpApi } from '../kit/http-api.ts';
import { withPassword } from '../kit/users.ts';

let http: HttpApi;
beforeAll(async () => {
  http = await startHttpApi({ env: { MAX_FRAME_BYTES: '1000', MAX_BODY_BYTES: '100000' } });
  await http.addUser('bob');
  await http.addUser('ann', withPassword('123456'));
});
afterAll(() => http.stop());

const command = { command_id: 102, chat_to: 'bob', content: 'x' };

describe('an unknown member is refused by name', () => {
  it.each([
    ['a command', '/send-command', { ...command, reciept: true }, 'reciept'],
    ['an application command', '/send-command', { ...command, command_id: 2000, content: {}, ttl: 5 }, 'ttl'],
    ['a batch', '/send-command', { commands: [command], chat_to: 'bob' }, 'chat_to'],
    ['a login', '/login', { phone_number: 'ann', password: '123456', remember: true }, 'remember'],
    ['a service token', '/service-tokens', { name: 'n', scopes: ['send'], ttl: 1 }, 'ttl'],
  ])('%s', async (_what, path, body, member) => {
    const { status, body: answer } = await http.post(path, body);
    const message = `has the unknown member "${member}"`;
    expect([status, answer]).toEqual([400, { code: 0, error: 'invalid', message }]);
  });

  it('in its place of a batch, and the others are sent', async () => {
    const { body } = await http.send({ commands: [{ ...command, reciept: true }, command] });
    const message = 'has the unknown member "reciept"';
    expect(body.results).toMatchObject([{ code: 0, error: 'invalid', message }, { code: 1 }]);
  });

  it.each(['/users', '/commands', '/audit', '/dead-letters'])('in the query of %s', async (path) => {
    const { status, body } = await http.call('GET', `${path}?limt=5`);
    const message = 'has the unknown member "limt"';
    expect([status, body]).toEqual([400, { code: 0, error: 'invalid', message }]);
  });
});

it('empty content is incomplete', async () => {
  const { status, body } = await http.send({ ...command, content: '' });
  expect([status, body]).toEqual([400, { code: 0, error: 'invalid', message: 'content: is empty' }]);
});

describe('a message is measured in the largest frame that it can be sent in', () => {
  /** Bytes of the frame to a client that acknowledges, with the longest id there will be. */
  const frameBytes = (content: string) =>
    12 + Buffer.byteLength(withId(`{"chat_from": "op", "chat_content": "${content}"}`, '9007199254740991'));
  const fitting = 'x'.repeat(1000 - frameBytes(''));

  it('one that just fits is sent, one byte more is 413 with both numbers', async () => {
    expect((await http.send({ ...command, content: fitting })).status).toBe(200);
    const { status, body } = await http.send({ ...command, content: `${fitting}x` });
    const message = 'the frame of this message has 1001 bytes; the limit is 1000';
    expect([status, body]).toEqual([413, { code: 0, error: 'too_large', message }]);
  });

  it('in bytes, not in characters', async () => {
    const content = '名'.repeat(fitting.length / 3 + 1);
    expect((await http.send({ ...command, content })).body).toMatchObject({ error: 'too_large' });
  });

  it('with `ask` where a reply is requested', async () => {
    const { status, body } = await http.send({ ...command, content: fitting, wait: 'reply' });
    expect([status, body.error]).toEqual([413, 'too_large']);
    expect(body.message).toContain('has 1027 bytes');
  });

  it('in its place of a batch, and the others are sent', async () => {
    const { body } = await http.send({ commands: [{ ...command, content: `${fitting}x` }, command] });
    expect(body.results).toMatchObject([{ code: 0, error: 'too_large' }, { code: 1 }]);
  });

  it('also of an application command', async () => {
    const answer = await http.send({ ...command, command_id: 2000, content: { text: 'x'.repeat(1000) } });
    expect([answer.status, answer.body.error]).toEqual([413, 'too_large']);
  });

  it('a body over its limit is 413 with both numbers', async () => {
    const body = JSON.stringify({ ...command, content: 'x'.repeat(100_000) });
    const answer = await http.call('POST', '/send-command', { body });
    const message = `the body has ${body.length} bytes; the limit is 100000`;
    expect([answer.status, answer.body]).toEqual([413, { code: 0, error: 'too_large', message }]);
  });
});

describe('what the store refuses', () => {
  const log = createLog({ level: 'silent' });
  const unavailable = (reason: RedisUnavailableError['reason']) => new RedisUnavailableError('…', { reason });
  it.each([
    [unavailable('store_unavailable'), 503, 'store_unavailable'],
    [unavailable('store_full'), 503, 'store_full'],
    [unavailable('store_credentials'), 503, 'store_credentials'],
    [new RedisReplyError('ERR max request size exceeded', 'too_large'), 413, 'too_large'],
    [new RedisReplyError('WRONGTYPE …', 'wrong_type'), 500, 'internal'],
    [new RedisReplyError('ERR unknown command', 'bug'), 500, 'internal'],
  ])('%s', async (error, status, word) => {
    const handler = serve(log, {
      'GET /stats': () => {
        throw error;
      },
    });
    const { statusCode, body, headers } = await handler(eventOf());
    expect([statusCode, JSON.parse(body ?? '').error]).toEqual([status, word]);
    expect(headers?.['retry-after']).toBe(status === 503 ? '1' : undefined);
  });
});

function eventOf(changes: object = {}): APIGatewayProxyEventV2 {
  const event = {
    version: '2.0',
    routeKey: 'GET /stats',
    rawPath: '/stats',
    rawQueryString: '',
    headers: {},
    requestContext: { requestId: 'r', http: { method: 'GET', path: '/stats', sourceIp: '127.0.0.1' } },
    isBase64Encoded: false,
    ...changes,
  };
  return event as APIGatewayProxyEventV2;
}

describe('an event of another form is 400, and the response names the accepted form', () => {
  const handler = serve(createLog({ level: 'silent' }), { 'GET /stats': () => ({}) });
  it('one of payload format 2.0 is served', async () => {
    expect((await handler(eventOf())).statusCode).toBe(200);
  });
  it.each([
    ['payload format 1.0', { version: '1.0', resource: '/stats', httpMethod: 'GET', headers: {}, requestContext: {} }],
    ['of a REST API', { resource: '/stats', httpMethod: 'GET', headers: null, requestContext: { requestId: 'r' } }],
    ['the test event of the console', { key1: 'value1', key2: 'value2' }],
    ['headers in mixed case', eventOf({ headers: { Authorization: 'Bearer x' } })],
    ['no headers', eventOf({ headers: undefined })],
    ['a header that is a list', eventOf({ headers: { accept: ['a', 'b'] } })],
    ['a body that is an object', eventOf({ body: {} })],
    ['no request context', eventOf({ requestContext: undefined })],
    ['a warm-up', { source: 'aws.events' }],
    ['text', 'GET /stats'],
    ['nothing', null],
  ])('%s', async (_what, event) => {
    const { statusCode, body } = await handler(event as APIGatewayProxyEventV2);
    expect([statusCode, JSON.parse(body ?? '')]).toMatchObject([400, { code: 0, error: 'unknown_event' }]);
    expect(body).toContain('payload format 2.0');
  });
});
