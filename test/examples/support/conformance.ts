import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'vitest';
import { endWithUs } from '../../../local/end-with-us.ts';
import { linesOf, offences } from '../../cli/json-rules.ts';
import { repository, startProcess } from '../../kit/process.ts';

/** Runs a client against `fronttcp conformance`, to its end; every clause that applies to it must hold. */
export async function expectConformance(
  client: (port: number) => readonly [string, ...string[]],
  ending = 'taken_over',
): Promise<void> {
  const launcher = join(repository, 'bin/fronttcp.mjs');
  const args = ['conformance', '--listen', '0', '--ending', ending, '--json', '--patience', '20'];
  const server = startProcess(process.execPath, [launcher, ...args]);
  const waiting = await server.line(/Waiting for the device on/);
  const [command, ...rest] = client(Number(/:(\d+)/.exec(waiting)?.[1]));
  // Coming back is tried, not how long a fleet would take over it.
  const env = {
    ...process.env,
    FRONTTCP_TOKEN: 'any',
    FRONTTCP_BACKOFF_MAX_MS: '150',
    FRONTTCP_REPLY: '{"celsius":21.5}',
  };
  const device = spawn(command, rest, { env, stdio: ['pipe', 'ignore', 'ignore'] });
  endWithUs(device);
  const { code } = await server.exit.finally(() => device.kill('SIGKILL'));
  const printed = server
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'));
  const results = linesOf(printed.join('\n')) as { result?: string; title?: string; type?: string; passed?: number }[];
  expect(results.flatMap((result) => offences(result))).toEqual([]);
  expect(results.filter(({ result }) => result === 'failed')).toEqual([]);
  expect(results.at(-1)).toMatchObject({ type: 'summary', failed: 0 });
  const replied = results.find(({ title }) => title === 'a message that asks is replied to with its ask');
  expect(replied).toMatchObject({ result: 'passed' });
  expect(results.at(-1)?.passed).toBeGreaterThanOrEqual(60);
  expect(code).toBe(0);
}
