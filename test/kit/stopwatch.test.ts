import { expect, it } from 'vitest';
import { startProcess } from './process.ts';
import { stopwatch } from './stopwatch.ts';
import { until } from './until.ts';

it('counts the time that passes, and not the time in which this process could not run', async () => {
  const elapsedMs = stopwatch();
  await until('time passes', () => elapsedMs() > 200);
  const before = elapsedMs();
  const end = performance.now() + 500;
  while (performance.now() < end);
  expect(elapsedMs() - before).toBeLessThan(100);
});

it.runIf(process.platform === 'linux')(
  'does not count the time in which another one waits for a processor',
  async () => {
    const spin = ['-c', '0', process.execPath, '-e', 'for(;;);'];
    const [first, second] = [startProcess('taskset', spin), startProcess('taskset', spin)];
    try {
      const elapsedMs = stopwatch(first.pid, second.pid);
      const startedAt = performance.now();
      await until('one of them has waited', () => performance.now() - startedAt - elapsedMs() > 300);
    } finally {
      await Promise.all([first.stop('SIGKILL'), second.stop('SIGKILL')]);
    }
  },
);
