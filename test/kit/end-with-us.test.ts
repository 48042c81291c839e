import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RunningProcess, repository, startProcess } from './process.ts';
import { sharedRedisUrl, uniquePrefix } from './redis.ts';
import { until } from './until.ts';

/** A runner: a program that starts a child, says its process id, and then does what the test wants. */
function runner(
  then: string,
  child = "startProcess(process.execPath, ['-e', 'setInterval(() => {}, 1_000)'])",
): RunningProcess {
  const script = `
    import { startProcess } from '${join(repository, 'test/kit/process.ts')}';
    import { startGatewayProcess } from '${join(repository, 'test/kit/gateway-process.ts')}';
    const child = await ${child};
    console.log('child ' + (child.pid ?? child.process.pid));
    ${then}`;
  return startProcess(process.execPath, ['--input-type=module', '-e', script], {
    env: { REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: uniquePrefix() },
  });
}

const childOf = async (run: RunningProcess): Promise<number> => Number((await run.line(/^child \d+/)).slice(6));

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const WAITS = 'setInterval(() => {}, 1_000);';

describe('a runner of ours leaves no child behind', () => {
  it.each([
    ['an early error', "throw new Error('no browser');", 1],
    ['a rejection that nobody handles', "void Promise.reject(new Error('no browser'));", 1],
    ['an early exit', 'process.exit(3);', 3],
  ])('after %s', async (_, then, code) => {
    const run = runner(then);
    const pid = await childOf(run);
    expect((await run.exit).code).toBe(code);
    await until('the child is gone', () => !isRunning(pid));
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'after %s, by which it ends as it would without children',
    async (signal) => {
      const run = runner(WAITS);
      const pid = await childOf(run);
      expect(await run.stop(signal)).toEqual({ code: null, signal });
      await until('the child is gone', () => !isRunning(pid));
    },
  );

  it('when the child is frozen', async () => {
    const run = runner(`process.kill(child.pid, 'SIGSTOP'); ${WAITS}`);
    const pid = await childOf(run);
    await run.stop('SIGTERM');
    await until('the child is gone', () => !isRunning(pid));
  });

  it('when the child is a gateway, and what should have stopped it never began', async () => {
    const run = runner("throw new Error('no browser');", 'startGatewayProcess({ env: {} })');
    const pid = await childOf(run);
    expect((await run.exit).code).toBe(1);
    await until('the gateway is gone', () => !isRunning(pid), { timeoutMs: 60_000 });
  });

  it('and may have a stop of its own: the signal is then for that to answer', async () => {
    const run = runner(`process.on('SIGTERM', async () => { await child.stop(); process.exit(7); }); ${WAITS}`);
    const pid = await childOf(run);
    expect(await run.stop('SIGTERM')).toEqual({ code: 7, signal: null });
    expect(isRunning(pid)).toBe(false);
  });
});

it('whoever starts processes in test/ and bench/ has them end with it', () => {
  const files = globSync(['test/**/*.ts', 'bench/**/*.ts'], { cwd: repository })
    // A test's own children are stopped by its hooks.
    .filter((file) => !file.endsWith('.test.ts') && !file.includes('node_modules'));
  const starts = files.filter((file) => {
    const text = readFileSync(join(repository, file), 'utf8');
    const [, names = ''] = /import \{([^}]*)\} from 'node:child_process'/.exec(text) ?? [];
    return /\b(spawn|fork)\b/.test(names) && !/\bendWithUs\(/.test(text);
  });
  expect(starts).toEqual([]);
});
