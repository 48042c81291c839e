// node test/model/run.ts [--depth N] [--form plain|ack] [--url redis://…]
// Explores the session protocol as deep as there is time for. Exit code 1 when a promise is broken; the path is printed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findRedisServer } from '../faults/redis-server.ts';
import { explore } from './explore.ts';
import type { Form } from './state.ts';

const { values } = parseArgs({ options: { depth: { type: 'string', default: '4' }, form: { type: 'string' } } });
const folder = await mkdtemp(join(tmpdir(), 'fronttcp-model-'));
const server = await findRedisServer(folder, false, ['--save', '', '--appendonly', 'no']);
let broken = false;
try {
  const forms: readonly Form[] = values.form === 'plain' || values.form === 'ack' ? [values.form] : ['plain', 'ack'];
  for (const form of forms) {
    const startedAt = performance.now();
    const result = await explore({ url: server.url, form, depth: Number(values.depth) });
    const took = ((performance.now() - startedAt) / 1_000).toFixed(1);
    process.stdout.write(`${form}: ${result.states} states, ${took} s\n`);
    if (result.broken === undefined) continue;
    broken = true;
    process.stdout.write(`  ${result.broken.violations.join('; ')}\n  ${result.broken.path.join(' → ')}\n`);
  }
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
process.exit(broken ? 1 : 0);
