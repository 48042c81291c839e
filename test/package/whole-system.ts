import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect } from 'vitest';
import { frameOf } from '../../cli/support/conformance/device.ts';
import { reservePort } from '../kit/ports.ts';
import { type RunningProcess, startProcess } from '../kit/process.ts';

interface Installed {
  readonly node: string;
  /** A folder whose node_modules has the package and its dependencies. */
  readonly app: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Runs the whole system from an installed package: what a developer does in the first minutes. */
export async function runWholeSystem({ node, app, env }: Installed): Promise<void> {
  const [api, gateway, health] = [await reservePort(), await reservePort(), await reservePort()].map(String);
  const ports = { API_PORT: api, GATEWAY_PORT: gateway, HEALTH_PORT: health };
  const options = { cwd: app, env: { REDIS_URL: undefined, XDG_CONFIG_HOME: app, ...ports, ...env } };
  writeFileSync(join(app, 'up.mjs'), 'export const handler = () => ({ heard: true });');
  const program = join(app, 'node_modules/fronttcp/bin/fronttcp.mjs');
  const fronttcp = (...args: string[]) =>
    startProcess('sh', ['-c', 'echo 123456 | "$0" "$@"', node, program, ...args], options);
  const dev = fronttcp('dev', '--upstream', './up.mjs');
  try {
    await dev.line(/fronttcp is ready/, 90_000);
    for (const args of [
      ['login', '13764408552', '--password-stdin'],
      ['users', 'add', 'somebody', '--password-stdin'],
      ['send', '--everyone', '--idempotency-key', 'once', 'hello'],
      ['connect', '--plain', '--all'],
    ]) {
      const run = fronttcp(...args);
      expect(await run.exit, run.output()).toMatchObject({ code: 0 });
    }
    const conformance = startProcess(node, [program, 'conformance', '--listen', '0', '--json'], options);
    await verifyAt(conformance).finally(() => conformance.stop());
  } finally {
    // To the shell's child: the system stops when `fronttcp dev` does.
    const note = JSON.parse(readFileSync(join(app, '.fronttcp/running.json'), 'utf8')) as { pid: number };
    process.kill(note.pid, 'SIGTERM');
    expect(await dev.exit, dev.output()).toMatchObject({ code: 0 });
  }
}

/** A device that passes the first case. */
async function verifyAt(conformance: RunningProcess): Promise<void> {
  const waiting = await conformance.line(/Waiting for the device on/);
  const socket = connect(Number(/:(\d+)/.exec(waiting)?.[1]), '127.0.0.1');
  socket.on('error', () => socket.destroy());
  socket.write(frameOf(1, { phone_number: 'me', token: 'any' }));
  await conformance.line(/"result":"passed"/).finally(() => socket.destroy());
}
