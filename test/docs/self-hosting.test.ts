import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repository } from '../kit/process.ts';

const read = (file: string): string => readFileSync(join(repository, file), 'utf8');
const units = readdirSync(join(repository, 'ops/systemd')).map((name) => `ops/systemd/${name}`);
const files = ['compose.yaml', 'ops/api/Dockerfile', 'ops/kubernetes/gateway.yaml', ...units];
const settings = read('docs/configuration.md');

test('files for self-hosting name settings that exist', () => {
  const named = files.flatMap((file) =>
    [...read(file).matchAll(/\b(?:REDIS|API|GATEWAY|HEALTH|DRAIN|MAX|AUTH)_[A-Z_]+\b/g)].map(([name]) => name),
  );
  expect(named).toContain('REDIS_URL');
  expect([...new Set(named)].filter((name) => !settings.includes(`\`${name}\``))).toEqual([]);
});

test('they start programs that exist, and wait longer than a gateway drains', () => {
  const programs = files.flatMap((file) =>
    [...read(file).matchAll(/\b(?:local|gateway)\/\w+\.ts\b/g)].map(([path]) => path),
  );
  expect(new Set(programs)).toEqual(new Set(['gateway/main.ts', 'local/api.ts']));
  for (const program of programs) expect(read(program)).not.toBe('');
  expect(read('compose.yaml')).toContain('stop_grace_period: 120s');
  expect(read('ops/kubernetes/gateway.yaml')).toContain('terminationGracePeriodSeconds: 120');
  for (const unit of units) expect(read(unit)).toContain('TimeoutStopSec=120');
});

test('the images of Redis and Node are those that the repository uses elsewhere', () => {
  const redis = /image: (\S+valkey\S+)/.exec(read('compose.yaml'))?.[1] ?? 'none';
  expect(read('local/redis/container.ts')).toContain(redis);
  const node = /NODE_IMAGE=(\S+)/.exec(read('ops/api/Dockerfile'))?.[1] ?? 'none';
  expect(read('gateway/Dockerfile')).toContain(node);
});
