import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ask } from '../../local/redis/ping.ts';
import { System } from './system.ts';

let system: System;
beforeAll(async () => {
  system = await System.start();
  await system.operator('boss');
});
afterAll(() => system.stop());

const percentiles = z.object({ p50: z.number(), p99: z.number(), max: z.number() });
const measured = z.object({
  clients: z.number(),
  measured: z.array(
    z.object({
      requests_at_a_time: z.number(),
      sent: z.number().positive(),
      delivered: z.number().positive(),
      per_second: z.number().positive(),
      http_ms: percentiles,
      device_ms: percentiles,
    }),
  ),
});

test('measures delivery from HTTP to its own devices, all arrives, and the devices are removed', async () => {
  const options = ['--clients', '3', '--seconds', '3', '--concurrency', '4', '--batch', '5'];
  const { clients, measured: phases } = measured.parse(await system.json(['bench', ...options]));
  expect(clients).toBe(3);
  expect(phases.map((phase) => phase.requests_at_a_time)).toEqual([1, 4]);
  for (const { sent, delivered, http_ms, device_ms } of phases) {
    expect(delivered).toBe(sent);
    for (const { p50, p99, max } of [http_ms, device_ms]) expect(p50 <= p99 && p99 <= max).toBe(true);
  }
  const { REDIS_URL: url = '', REDIS_KEY_PREFIX: prefix = '' } = system.env;
  expect(await ask(url, 'ZRANGEBYLEX', `${prefix}users`, '[bench-', '(bench.')).toEqual([]);
});

test('with --self it needs no Redis', async () => {
  const run = await system.run(['bench', '--self', '--seconds', '1'], { env: { REDIS_URL: undefined } });
  expect(run.code, run.stderr).toBe(0);
  expect(run.stdout).toMatch(/^REQUESTS +DELIVERED[\s\S]*\none at a time +[\d,]+ [\s\S]*\n8 at a time +[\d,]+ /);
});

test('a deployment elsewhere is loaded only with --yes', async () => {
  const run = await system.run(['bench', '--self', '--host', 'gateway.example.com']);
  expect(run.code).toBe(2);
  expect(run.stderr).toContain('gateway.example.com');
  expect(run.stderr).toContain('--yes');
});
