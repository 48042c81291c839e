import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { functionVariables } from '../../functions/runtime/environment.ts';
import { gatewayVariables } from '../../gateway/config.ts';
import { gateway } from '../kit/gateway.ts';
import { repository } from '../kit/process.ts';

const page = readFileSync(join(repository, 'docs/configuration.md'), 'utf8');

/** Names in the first column of the tables. */
const documented = page
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, name]) => name));

/** Read by the local API alone, or set by the platform. */
const OTHERS = ['API_HOST', 'API_PORT'];
const FROM_THE_PLATFORM = ['ECS_AGENT_URI', 'AWS_REGION', 'AWS_DEFAULT_REGION'];

test('docs/configuration.md has every variable, once, and no other', () => {
  const read = new Set([...gatewayVariables, ...functionVariables, ...OTHERS]);
  for (const name of FROM_THE_PLATFORM) read.delete(name);
  expect([...documented].sort()).toEqual([...read].sort());
});

test('its numeric defaults are those of the code', () => {
  const source = readFileSync(join(repository, 'gateway/config.ts'), 'utf8');
  const defaults = [...source.matchAll(/^ {4}([A-Z_]+): (?:whole|port)\(([\d_]+)[,)]/gm)];
  expect(defaults.length).toBeGreaterThan(20);
  for (const [, name, value] of defaults) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\``));
    expect(row?.split('|')[2]?.trim().split(' ')[0], name).toBe(value?.replaceAll('_', ''));
  }
});

test('every limit of the gateway names its metric, and the series exists from the start', async () => {
  const limits = page.slice(page.indexOf('## Gateway: limits'), page.indexOf('## Messages, tokens, functions'));
  const rows = limits.split('\n').filter((line) => line.startsWith('| `'));
  expect(rows.length).toBeGreaterThan(15);
  const g = await gateway();
  const text = await (await fetch(`http://127.0.0.1:${g.running.healthPort}/metrics`)).text();
  for (const row of rows) {
    const counted = /`(fronttcp_\w+(?:\{[^}]*\})?)` \|$/.exec(row)?.[1];
    expect(counted, row).toBeDefined();
    expect(text, row).toContain(`\n${counted} `);
  }
});
