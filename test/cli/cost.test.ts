import { expect, test } from 'vitest';
import { startProcess } from '../kit/process.ts';

async function cost(...args: string[]): Promise<{ code: number | null; output: string }> {
  const run = startProcess(process.execPath, ['bin/fronttcp.ts', 'cost', ...args]);
  const { code } = await run.exit;
  return { code, output: run.output() };
}

test('prints our bill beside the two others, by item, with the break-even', async () => {
  const { code, output } = await cost('--clients', '100000', '--commands-per-minute', '1');
  expect(code).toBe(0);
  for (const words of [
    'Load balancer',
    'Gateways on Fargate',
    'API Gateway WebSocket',
    'IoT Core',
    'Total',
    'times as much',
  ]) {
    expect(output).toContain(words);
  }
});

test('as JSON the items add up to the totals', async () => {
  const { output } = await cost('--json', '--clients', '20000', '--batch', '100', '--redis', 'upstash');
  const { usage, steps, ...bills } = JSON.parse(output) as Record<
    string,
    { total: number; items: { monthly: number }[] }
  >;
  expect(steps).toHaveLength(5);
  expect(usage).toMatchObject({ clients: 20_000, batch: 100, redis: 'upstash' });
  expect(Object.keys(bills)).toEqual(['fronttcp', 'web_socket', 'iot_core']);
  for (const { total, items } of Object.values(bills)) {
    expect(items.reduce((sum, { monthly }) => sum + monthly, 0)).toBeCloseTo(total, 6);
  }
});

test('names the number that it refuses', async () => {
  const { code, output } = await cost('--commands-per-minute', 'many');
  expect(code).toBe(2);
  expect(output).toContain('--commands-per-minute');
});
