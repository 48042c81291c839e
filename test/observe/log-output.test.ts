import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startGatewayProcess } from '../kit/gateway-process.ts';
import { repository, startProcess } from '../kit/process.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';

/** A program that, told by SIGUSR2, logs more than one write takes, and exits at once. */
const PROGRAM = `
  import { createLog } from '${join(repository, 'gateway/observe/log.ts')}';
  const log = createLog({ level: 'info', format: 'json' });
  process.once('SIGUSR2', () => {
    for (let line = 1; line <= 1_000; line += 1) log.info({ event: 'line' }, String(line).padStart(1_000));
    process.exit(3);
  });
  console.log('waits');
  setInterval(() => {}, 1_000);`;

const start = () => startProcess(process.execPath, ['--input-type=module', '-e', PROGRAM]);

test('what was logged last is written before the process ends', async () => {
  const program = start();
  await program.line(/waits/);
  expect(await program.stop('SIGUSR2')).toEqual({ code: 3, signal: null });
  expect(program.output().match(/"event":"line"/g)).toHaveLength(1_000);
  expect(program.output()).toMatch(/ 1000"\}\n$/);
});

test('a process whose log nobody reads any more ends all the same', async () => {
  const program = start();
  await program.line(/waits/);
  program.child.stdout?.destroy();
  // Without SIGKILL, which `stop` sends in the end.
  expect(await program.stop('SIGUSR2', 20_000)).toEqual({ code: 3, signal: null });
});

test('a gateway whose output nobody reads any more goes on reporting its metrics, and stops in order', async () => {
  const env = { REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: uniquePrefix(), METRICS_DEPLOYMENT: 'blue' };
  const { process: program } = await startGatewayProcess({ env });
  await program.line(/"_aws"/, 60_000);
  program.child.stdout?.destroy();
  // Its last report is a line to that output.
  expect(await program.stop('SIGTERM', 60_000)).toEqual({ code: 0, signal: null });
}, 120_000);
