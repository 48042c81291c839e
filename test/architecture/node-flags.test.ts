import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { NODE_FLAGS } from '../../gateway/node-flags.ts';
import { repository } from '../kit/process.ts';

const read = (file: string): string => readFileSync(join(repository, file), 'utf8');

it('a gateway is started with the same flags by npm run gateway, by systemd and in its image', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  expect(scripts.gateway).toBe(`exec node ${NODE_FLAGS.join(' ')} scripts/launch.mjs gateway/main.ts`);
  expect(read('ops/systemd/fronttcp-gateway.service')).toContain(
    `/usr/bin/node ${NODE_FLAGS.join(' ')} gateway/main.ts`,
  );
  expect(read('gateway/Dockerfile')).toContain(NODE_FLAGS.map((flag) => `"${flag}"`).join(', '));
});
