import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Command } from 'commander';
import { ExitCode, Failure } from '../support/failure.ts';
import { wholeNumber } from '../support/numbers.ts';
import { devProgram } from '../support/programs.ts';

const port = wholeNumber(1, 65_535);

interface DevOptions {
  gateways: number;
  upstream?: string;
  apiPort?: number;
  gatewayPort?: number;
  healthPort?: number;
}

export function devCommand(): Command {
  return new Command('dev')
    .description('the whole system on this machine: Redis, the HTTP API, the console and gateways')
    .option('--gateways <number>', 'how many; the i-th listens on the port + 2i', wholeNumber(1, 64), 1)
    .option('--upstream <file>', 'a module whose `handler` gets the frames of devices; loaded again when it changes')
    .option('--api-port <port>', 'of the HTTP API and the console (API_PORT, or 3000)', port)
    .option('--gateway-port <port>', 'of the first gateway (GATEWAY_PORT, or 8124)', port)
    .option('--health-port <port>', 'of its health and metrics (HEALTH_PORT, or 8125)', port)
    .addHelpText(
      'after',
      `
Redis is the one of REDIS_URL, else a server program of this machine, a container, a copy that is fetched into .fronttcp
(no root needed), or one that is installed now. Its data is kept in .fronttcp, in this folder. Commands that run in the
same folder find the system without a flag.

Examples:
  $ fronttcp dev
  $ fronttcp dev --gateways 2 --api-port 3001
  $ fronttcp dev --upstream ./handler.js`,
    )
    .action(runDev);
}

async function runDev(options: DevOptions): Promise<void> {
  const { gateways, upstream, apiPort, gatewayPort, healthPort } = options;
  const ports = { API_PORT: apiPort, GATEWAY_PORT: gatewayPort, HEALTH_PORT: healthPort };
  const given = Object.entries(ports).filter(([, value]) => value !== undefined);
  const env = Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
  const args = ['--gateways', String(gateways), ...(upstream === undefined ? [] : ['--upstream', upstream])];
  // The closed channel tells the child that this process has ended, for every cause.
  const child = spawn(process.execPath, [devProgram(), ...args], {
    env: { ...process.env, ...env },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // Every signal is passed on: it may be to this process alone. A terminal's Ctrl-C thus reaches the child twice, which
  // counts it once (isSameSignal). The child decides the exit code.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  const failed = once(child, 'error').then(([error]) => {
    throw new Failure(ExitCode.failed, `cannot start: ${(error as Error).message}`);
  });
  const [code] = (await Promise.race([once(child, 'exit'), failed])) as [number | null];
  process.exitCode = code ?? ExitCode.failed;
}
