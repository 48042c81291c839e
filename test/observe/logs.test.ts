import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { type Log as ApiLog, createLog as createApiLog } from '../../functions/runtime/log.ts';
import { createLog, type GatewayLog, reportSuppressed } from '../../gateway/observe/log.ts';
import { FloodLimiter, LOG_FIELDS, withoutSecrets } from '../../shared/log-lines.ts';
import { startApiProcess } from '../kit/api-process.ts';
import { chat } from '../kit/gateway.ts';
import { startGatewayProcess } from '../kit/gateway-process.ts';
import { Peer } from '../kit/peer.ts';
import { repository } from '../kit/process.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { tokenOf } from '../kit/users.ts';

const sources = execFileSync('git', ['ls-files', 'gateway', 'functions', 'local/http'], {
  cwd: repository,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file, text: readFileSync(join(repository, file), 'utf8') }));

/** Objects that are said: literals with an `event` that is a name. */
const said = sources.flatMap(({ file, text }) =>
  [...text.matchAll(/\{[^{}]*\bevent: [^{}]*?'\w+'[^{}]*(?:\{[^{}]*\}[^{}]*)*\}/g)].map(([literal]) => ({
    file,
    literal,
  })),
);

describe('docs/logs.md', () => {
  const document = readFileSync(join(repository, 'docs/logs.md'), 'utf8');
  const documented = new Set(
    [...document.matchAll(/^\| `(\w+)` \| (?:trace|debug|info|warn|error) \|/gm)].map(([, name]) => name),
  );

  it('has a line for each event in the sources, and no other', () => {
    const events = new Set(
      said.flatMap(({ literal }) => {
        const [, value = ''] = /\bevent: ([^,}]+)/.exec(literal) ?? [];
        return [...value.matchAll(/'(\w+)'/g)].map(([, name]) => name);
      }),
    );
    events.add('connections_refused');
    expect([...documented].sort()).toEqual([...events].sort());
  });

  it('is about lines whose fields all have a meaning', () => {
    const unknown = said
      .filter(({ file }) => !file.endsWith('observe/log-warnings.ts'))
      .flatMap(({ file, literal }) => {
        const flat = literal.replace(/\([^()]*(?:\([^()]*\)[^()]*)*\)/g, '()').replace(/\.\.\.[^,}]*/g, '');
        const names = [...flat.matchAll(/[{,]\s*(\w+)(?=\s*[:,}])/g)].map(([, name]) => name ?? '');
        return names.filter((name) => !(name in LOG_FIELDS)).map((name) => `${file}: ${name}`);
      });
    expect(unknown).toEqual([]);
  });
});

describe('a log line', () => {
  type Create<L> = (options: { level: 'info'; format: 'json' }, destination: { write: (line: string) => void }) => L;
  const lines = <L extends Pick<GatewayLog, 'info' | 'warn'> | ApiLog>(create: Create<L>) => {
    const written: Record<string, unknown>[] = [];
    const log = create({ level: 'info', format: 'json' }, { write: (line) => written.push(JSON.parse(line)) });
    return { log, written };
  };
  const programs: [string, Create<Pick<GatewayLog, 'info' | 'warn'> | ApiLog>][] = [
    ['gateway', createLog],
    ['functions', createApiLog],
  ];

  it.each(programs)('of the %s is one line of JSON: level, time, part, the fields, the sentence', (_, create) => {
    const { log, written } = lines(create);
    log.warn({ event: 'test', user: undefined, reason: 'why "so"\n' }, 'a sentence');
    log.info({ event: 'test' });
    const [whole, short] = written;
    expect(Object.keys(whole ?? {})).toEqual(['level', 'time', 'part', 'event', 'reason', 'msg']);
    expect(whole).toMatchObject({ level: 40, event: 'test', reason: 'why "so"\n', msg: 'a sentence' });
    expect(whole?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Object.keys(short ?? {})).toEqual(['level', 'time', 'part', 'event']);
  });

  it.each(programs)('of the %s has only fields with a meaning', (_, create) => {
    const { log, written } = lines(create);
    log.info({ event: 'test', user: 'ann', token: 'secret', chat_content: 'hello', headers: { authorization: 'x' } });
    expect(written[0]).toMatchObject({
      event: 'test',
      user: 'ann',
      token: '[redacted]',
      chat_content: '[redacted]',
      headers: '[redacted]',
    });
    expect(JSON.stringify(written)).not.toMatch(/secret|hello|authorization/);
  });

  it('does not quote the content that could not be parsed', () => {
    let message = '';
    try {
      JSON.parse('{"chat_content": the secret');
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain('secret');
    expect(withoutSecrets({ error: message }).error).toMatch(/not valid JSON/);
    expect(JSON.stringify(withoutSecrets({ error: message, stack: message }))).not.toContain('secret');
  });

  it('is bounded, but for the ids of the messages that were sent', () => {
    const long = 'x'.repeat(10_000);
    const { error, messages } = withoutSecrets({ error: long, messages: long });
    expect(String(error).length).toBeLessThan(600);
    expect(messages).toBe(long);
  });

  it.each(programs)('of the %s is one of twenty of a flood', (_, create) => {
    const { log, written } = lines(create);
    for (let i = 0; i < 1_000; i += 1) log.warn({ event: 'flood', count: i });
    log.warn({ event: 'another' });
    for (let i = 0; i < 30; i += 1) log.info({ event: 'step' });
    expect(written.filter(({ event }) => event === 'flood').length).toBe(20);
    expect(written.filter(({ event }) => event === 'another').length).toBe(1);
    expect(written.filter(({ event }) => event === 'step').length).toBe(30);
  });

  it('does not report a flood before its end', () => {
    const { log, written } = lines<GatewayLog>(createLog);
    for (let i = 0; i < 1_000; i += 1) log.warn({ event: 'flood', count: i });
    reportSuppressed(log);
    expect(written.some(({ event }) => event === 'suppressed')).toBe(false);
  });

  it('reports after a flood how many lines were left out', () => {
    const limiter = new FloodLimiter();
    for (let i = 0; i < 50; i += 1) limiter.admit('flood', 1_000);
    expect(limiter.admit('flood', 12_000)).toBe(30);
    for (let i = 0; i < 50; i += 1) limiter.admit('flood', 12_000);
    expect(limiter.takeOver(13_000)).toEqual([]);
    expect(limiter.takeOver(23_000)).toEqual([['flood', 31]]);
    expect(limiter.takeOver(24_000)).toEqual([]);
  });
});

it('no line of a system at work has a token, a password or a content in it, even at the lowest level', async () => {
  const prefix = uniquePrefix();
  const redis = new Redis(sharedRedisUrl());
  const env = {
    REDIS_URL: sharedRedisUrl(),
    REDIS_KEY_PREFIX: prefix,
    LOG_LEVEL: 'trace',
    LOG_FORMAT: 'json',
  };
  const [{ process: gateway, port }, { process: api, url }] = await Promise.all([
    startGatewayProcess({ env }),
    startApiProcess(env),
  ]);
  try {
    const token = tokenOf('op');
    await redis.hset(`${prefix}user:op`, { role: 'operator', token });
    await redis.hset(`${prefix}user:device`, { token: 'TOPSECRETtoken' });
    const post = (path: string, body: unknown, headers = {}) =>
      fetch(`${url}${path}`, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
    await post('/login', { phone_number: 'op', password: 'TOPSECRETpassword' });
    await post('/login', '{"password": "TOPSECRETbroken');
    const device = await Peer.connect(port);
    await device.verify('device', { token: 'TOPSECRETwrong' });
    await device.verify('device', { token: 'TOPSECRETtoken', features: ['errors', 'ack'] });
    device.send(2, { chat_from: 'device', chat_to: 'op', chat_content: 'TOPSECRETchat' });
    device.send(2, '{"chat_content": "TOPSECRETbroken');
    device.send(1_500, { reading: 'TOPSECRETreading' });
    const command = { command_id: 102, chat_to: 'device', content: 'TOPSECRETcommand' };
    await post('/send-command', command, { authorization: `Bearer ${token}` });
    await redis.lpush(`${prefix}front_tcp`, JSON.stringify(chat('x', 'TOPSECRETpoison')));
    await gateway.line(/"dead_letters"/);
    await device.leave();
    await gateway.line(/"closed"/);
    await until('the requests are logged', () => api.output().split('"event":"request"').length > 3);
    const all = gateway.output() + api.output();
    expect(all).toContain('"verified"');
    expect(all).not.toContain('TOPSECRET');
    expect(all).not.toContain(token);
    expect(all).not.toContain('[redacted]');
  } finally {
    await Promise.all([gateway.stop(), api.stop()]);
    redis.disconnect();
  }
}, 180_000);
