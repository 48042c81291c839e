import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { reservePort } from '../kit/ports.ts';
import { startProgram } from '../kit/process.ts';
import { sharedRedisUrl } from '../kit/redis.ts';

const run = (env: Record<string, string>) => startProgram('local/api.ts', [], { env: { LOG_LEVEL: 'info', ...env } });

describe('npm run api', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('prints its address, serves, and exits with 0 on %s', async (signal) => {
    const port = await reservePort();
    const program = run({ REDIS_URL: sharedRedisUrl(), API_PORT: String(port) });
    await program.line(new RegExp(`HTTP API on http://127\\.0\\.0\\.1:${port}`));
    expect((await fetch(`http://127.0.0.1:${port}/openapi.json`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${port}/stats`)).status).toBe(401);
    expect(await program.stop(signal)).toEqual({ code: 0, signal: null });
  });

  it('answers 503 while there is no Redis', async () => {
    const port = await reservePort();
    const program = run({ REDIS_URL: `redis://127.0.0.1:${await reservePort()}`, API_PORT: String(port) });
    await program.line(/HTTP API on/);
    const body = JSON.stringify({ phone_number: 'a', password: 'b' });
    expect((await fetch(`http://127.0.0.1:${port}/login`, { method: 'POST', body })).status).toBe(503);
    expect(await program.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  it('goes on when its log is no longer read', async () => {
    const port = await reservePort();
    const program = run({ REDIS_URL: sharedRedisUrl(), API_PORT: String(port) });
    await program.line(/HTTP API on/);
    program.child.stdout?.destroy();
    for (let i = 0; i < 3; i += 1) expect((await fetch(`http://127.0.0.1:${port}/stats`)).status).toBe(401);
    expect(await program.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  it('names every mistake of the environment at once', async () => {
    const program = run({
      REDIS_URL: 'http://x',
      REDIS_CLUSTER: 'yes',
      API_PORT: '70000',
      TOKEN_TTL_S: '0',
      MAX_RECIPIENTS: 'many',
      UPSTASH_REDIS_REST_URL: 'https://x.test',
      UPSTASH_REDIS_REST_TOKEN: '',
    });
    expect(await program.exit).toEqual({ code: 1, signal: null });
    for (const name of ['REDIS_URL', 'REDIS_CLUSTER', 'API_PORT', 'TOKEN_TTL_S', 'MAX_RECIPIENTS']) {
      expect(program.output()).toContain(name);
    }
  });

  const alone: [string, Record<string, string>][] = [
    ['REDIS_URL', { REDIS_URL: '' }],
    ['UPSTASH_REDIS_REST_TOKEN', { UPSTASH_REDIS_REST_URL: 'https://x.test' }],
    ['UPSTASH_REDIS_REST_URL', { UPSTASH_REDIS_REST_TOKEN: 'x' }],
    ['REDIS_KEY_PREFIX', { REDIS_URL: 'redis://x', REDIS_CLUSTER: 'true', REDIS_KEY_PREFIX: 'no-tag:' }],
  ];
  it.each(alone)('names %s', async (name, env) => {
    const program = run({ API_PORT: '0', ...env });
    expect(await program.exit).toEqual({ code: 1, signal: null });
    expect(program.output()).toContain(name);
  });

  it('names the port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const program = run({ REDIS_URL: sharedRedisUrl(), API_PORT: String(port) });
    expect(await program.exit).toEqual({ code: 1, signal: null });
    expect(program.output()).toContain(`API_PORT: port ${port} of 127.0.0.1 is taken`);
    other.close();
  });
});
