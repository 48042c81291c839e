import { Command } from 'commander';
import { type Context, contextOf } from '../support/context.ts';
import { apiArea } from '../support/doctor/api.ts';
import type { Area, Check, State } from '../support/doctor/check.ts';
import { gatewayArea } from '../support/doctor/gateway.ts';
import { machineArea } from '../support/doctor/machine.ts';
import { portsArea } from '../support/doctor/ports.ts';
import { stackArea } from '../support/doctor/stack.ts';
import { storeArea } from '../support/doctor/store.ts';
import { ExitCode } from '../support/failure.ts';
import { type GatewayOptions, gatewayOf, hostOption, portOption, tlsOption } from '../support/gateway.ts';
import { findLocalSystem } from '../support/local-system.ts';
import { printable, styled } from '../support/output.ts';

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check this machine, Redis, the HTTP API and a gateway, and say how to fix what is wrong')
    .addOption(hostOption())
    .addOption(portOption())
    .addOption(tlsOption())
    .option(
      '--stack <name>',
      'a deployment on AWS: its quotas, roles, tasks, secret and alarms, and nothing of this machine',
    )
    .addHelpText(
      'after',
      `
Checks versions, limits, ports, clocks, TLS and settings; changes nothing. Exits with 1 when something is wrong (✗). It also shows
what may fail later (!) and what cannot be checked from here (–).

Examples:
  $ fronttcp doctor
  $ fronttcp doctor --stack FrontTcp
  $ fronttcp doctor --json | jq '.areas[].checks[] | select(.state == "fail")'`,
    )
    .action(examine);
}

async function examine({ stack, ...options }: GatewayOptions & { stack?: string }, command: Command): Promise<void> {
  const context = await contextOf(command);
  if (stack !== undefined) return report(context, [await stackArea(stack)]);
  const login = await context.credentials.get(context.apiUrl);
  const gateway = await gatewayOf(login, context.apiUrl, options);
  const local = await findLocalSystem();
  const areas = await Promise.all([
    machineArea(),
    portsArea(process.env, local && [Number(new URL(local.api).port), ...local.gateways.map(({ port }) => port)]),
    storeArea(),
    apiArea(context),
    gatewayArea(gateway),
  ]);
  report(context, areas);
}

function report(context: Context, areas: readonly Area[]): void {
  const counts = countStates(areas);
  context.output.result(
    { ok: counts.fail === 0, counts, areas },
    [...areas.map(areaText), summary(counts)].join('\n\n'),
  );
  if (counts.fail > 0) process.exitCode = ExitCode.failed;
}

function countStates(areas: readonly Area[]): Record<State, number> {
  const counts = { ok: 0, warn: 0, fail: 0, skipped: 0 };
  for (const { state } of areas.flatMap(({ checks }) => checks)) counts[state] += 1;
  return counts;
}

const MARKS: Record<State, string> = {
  ok: styled('green', '✓'),
  warn: styled('yellow', '!'),
  fail: styled('red', '✗'),
  skipped: styled('dim', '–'),
};

function areaText({ title, checks }: Area): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, state, found, mend }: Check) => [
    `  ${MARKS[state]} ${name.padEnd(width)}  ${printable(found)}`,
    ...(mend === undefined ? [] : [`    ${' '.repeat(width)}  → ${mend}`]),
  ]);
  return [styled('bold', title), ...lines].join('\n');
}

function summary({ ok, warn, fail }: Record<State, number>): string {
  if (fail > 0) return `${fail} of ${ok + warn + fail} checks failed: do what → says, and check again.`;
  return warn > 0 ? `Everything works. Read what is marked !.` : 'Everything works.';
}
