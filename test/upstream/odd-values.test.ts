import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startInvokeApi } from '../../local/upstream/invoke-api.ts';
import type { TestGateway } from '../kit/gateway.ts';
import { startTestGateway } from '../kit/gateway.ts';
import { type HttpApi, startHttpApi } from '../kit/http-api.ts';
import type { Peer } from '../kit/peer.ts';
import { until } from '../kit/until.ts';
import { type Fate, type OddText, oddNumbers, oddTexts } from '../vectors/odd-values.ts';
import { AWS_ENV } from './support/test-function.ts';

/** What the function was given last, and what it answers: JSON text both. */
const fn = { payload: '', answer: '{}' };
let invokeApi: Awaited<ReturnType<typeof startInvokeApi>>;
let g: TestGateway;
let http: HttpApi;
let device: Peer;
let reader: Peer;

beforeAll(async () => {
  invokeApi = await startInvokeApi({
    functions: {
      devices: async ({ payload }) => {
        fn.payload = payload;
        return { kind: 'answer', payload: fn.answer };
      },
    },
    say: () => undefined,
  });
  Object.assign(process.env, AWS_ENV, { AWS_ENDPOINT_URL_LAMBDA: invokeApi.url });
  http = await startHttpApi();
  const env = {
    ...AWS_ENV,
    UPSTREAM_FUNCTION: 'devices',
    // The last payload is to be that of a device.
    UPSTREAM_LIFECYCLE_FUNCTION: 'none',
    MAX_BAD_FRAMES: '1000',
  };
  g = await startTestGateway(env, { prefix: http.prefix });
  device = await g.verified('device', ['errors', 'receipts']);
  reader = await g.verified('reader', []);
});
afterAll(async () => {
  await g.stop();
  await http.stop();
  await invokeApi.close();
});

const bytesOf = (before: string, { json }: Pick<OddText, 'json'>, after: string): Buffer<ArrayBuffer> =>
  Buffer.concat([Buffer.from(before), Buffer.from(json as string), Buffer.from(after)]);

/** Each door: sends the text to the reader; resolves with whether it was refused. */
const doors: Record<'tcp' | 'http' | 'queue' | 'upstream', (text: OddText) => Promise<boolean>> = {
  tcp: async (text) => {
    device.send(2, bytesOf('{"chat_to": "reader", "ref": 1, "chat_content": ', text, '}'));
    return (await device.next()).commandId === 111;
  },
  http: async (text) => {
    const body = bytesOf('{"command_id": 102, "chat_to": "reader", "content": ', text, '}');
    const { status } = await http.call('POST', '/send-command', { body });
    expect([200, 400]).toContain(status);
    return status === 400;
  },
  queue: async (text) => {
    const dead = async () => Number(await g.redis.command('LLEN', g.keys.queueDead));
    const before = { dead: await dead(), frames: reader.frames.length };
    await g.push(bytesOf('{"command_id": 102, "chat_from": "p", "chat_to": ["reader"], "chat_content": ', text, '}'));
    await until('it is taken', async () => reader.frames.length > before.frames || (await dead()) > before.dead);
    return (await dead()) > before.dead;
  },
  upstream: async (text) => {
    if (Buffer.isBuffer(text.json)) return true;
    fn.answer = `{"send": [{"command_id": 102, "chat_to": "reader", "content": ${text.json}}]}`;
    device.send(1500, { ref: 1 });
    const isRefused = (await device.next()).commandId === 111;
    fn.answer = '{}';
    return isRefused;
  },
};

describe.each(['tcp', 'http', 'queue', 'upstream'] as const)('odd texts over %s', (door) => {
  it.each(oddTexts)('$name', async (text) => {
    const isRefused = await doors[door](text);
    expect<Fate>(isRefused ? 'refused' : 'same').toBe(text[door]);
    if (isRefused) return;
    const { body } = await reader.receives(102);
    // The one text that is no JSON arrives as the escape that it should have been.
    const sent: unknown = JSON.parse(String(text.json).replace('\u0001', '\\u0001'));
    expect((body as { chat_content: unknown }).chat_content).toBe(sent);
  });
});

describe('odd numbers', () => {
  it.each(oddNumbers)('$name', async ({ json, arrives }) => {
    // From the device to the function as it stands, and back.
    fn.answer = `{"reply": {"n": ${json}}}`;
    device.send(1500, `{"n": ${json}}`);
    expect((await device.receives(2500)).text).toBe(`{"n":${arrives}}`);
    expect(fn.payload.replaceAll(' ', '')).toContain(`"n":${json}`);
    // Over HTTP.
    const body = `{"command_id": 2000, "chat_to": "device", "content": {"n": ${json}}}`;
    expect((await http.call('POST', '/send-command', { body })).status).toBe(200);
    expect((await device.receives(2000)).text).toContain(`"n":${arrives}`);
    fn.answer = '{}';
  });

  it.each(['9007199254740993', '-1e17', '1e400'])('a ref that a double cannot hold is refused: %s', async (ref) => {
    device.send(2, `{"chat_to": "reader", "chat_content": "x", "ref": ${ref}}`);
    await device.receives(111, expect.objectContaining({ error: 'malformed' }));
  });
});

it.each(['12345678901234567890', '1e400'])('a reply that is the bare number %s counts as failed', async (reply) => {
  fn.answer = `{"reply": ${reply}}`;
  device.send(1500, { ref: 8 });
  await device.receives(111, expect.objectContaining({ error: 'upstream_failed', ref: 8 }));
  fn.answer = '{}';
});

it('a message of the function that no frame could hold counts as a failed reply', async () => {
  fn.answer = `{"send": [{"command_id": 102, "chat_to": "reader", "content": "${'x'.repeat(65_536)}"}]}`;
  device.send(1500, { ref: 9 });
  await device.receives(111, expect.objectContaining({ error: 'upstream_failed', ref: 9 }));
  fn.answer = '{}';
});

it('docs/protocol.md has these tables', () => {
  const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
  for (const { name, tcp, http, queue, upstream } of oddTexts) {
    expect(page).toContain(`| ${name} | ${tcp} | ${http} | ${queue} | ${upstream} |`);
  }
  for (const { name, json, arrives } of oddNumbers)
    expect(page).toContain(`| ${name} | \`${json}\` | \`${arrives}\` |`);
});
