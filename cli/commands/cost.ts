import { Command, Option } from 'commander';
import { frontTcpBill, iotCoreBill, webSocketBill } from '../../lib/cost/model.ts';
import { costReport } from '../../lib/cost/report.ts';
import { stepsDown } from '../../lib/cost/steps.ts';
import { defaultUsage, type Usage } from '../../lib/cost/usage.ts';
import { contextOf } from '../support/context.ts';
import { decimalNumber, wholeNumber } from '../support/numbers.ts';

const MAX_CLIENTS = 1_000_000_000;
const MAX_COMMANDS_PER_MINUTE = 10_000;

export function costCommand(): Command {
  return new Command('cost')
    .description('what a deployment costs a month, beside API Gateway WebSocket and IoT Core')
    .option('--clients <number>', 'connected all month', wholeNumber(1, MAX_CLIENTS), defaultUsage.clients)
    .option(
      '--commands-per-minute <number>',
      'to each client, sent by HTTP',
      decimalNumber(0, MAX_COMMANDS_PER_MINUTE),
      defaultUsage.commandsPerMinute,
    )
    .option('--batch <number>', 'commands in one request', wholeNumber(1, 100), defaultUsage.batch)
    .addOption(
      new Option('--redis <store>', 'the store')
        .choices(['valkey', 'serverless', 'memorydb', 'upstash'])
        .default(defaultUsage.redis),
    )
    .addOption(
      new Option('--tls <where>', 'where TLS ends').choices(['none', 'load-balancer']).default(defaultUsage.tls),
    )
    .option(
      '--connections-per-task <number>',
      'clients for each gateway',
      wholeNumber(100, 1_000_000),
      defaultUsage.connectionsPerTask,
    )
    .option(
      '--heartbeat-seconds <number>',
      'between two heartbeats of a client',
      wholeNumber(1, 300),
      defaultUsage.heartbeatSeconds,
    )
    .option('--no-cross-zone', 'targets in the same zone only')
    .addOption(
      new Option('--egress <way>', 'how gateways reach AWS')
        .choices(['public-ip', 'nat', 'endpoints'])
        .default(defaultUsage.egress),
    )
    .option(
      '--spot-percent <number>',
      'of the gateways, on spot capacity',
      wholeNumber(0, 100),
      defaultUsage.spotPercent,
    )
    .option('--firewall', 'CloudFront with a web ACL in front of the HTTP API', defaultUsage.firewall)
    .option('--tracing', 'X-Ray traces of every request', defaultUsage.tracing)
    .addHelpText(
      'after',
      `
Examples:
  $ fronttcp cost --clients 100000 --commands-per-minute 1
  $ fronttcp cost --clients 1000000 --connections-per-task 100000 --spot-percent 90
  $ fronttcp cost --clients 20000 --commands-per-minute 0.1 --batch 100 --redis upstash`,
    )
    .action(async (usage: Usage, command: Command) => {
      const { output } = await contextOf(command);
      const bills = { fronttcp: frontTcpBill(usage), webSocket: webSocketBill(usage), iotCore: iotCoreBill(usage) };
      output.result(published({ usage, steps: stepsDown(usage), ...bills }), costReport(usage));
    });
}

/** With the names and the unit of `--json` (docs/cli.md): snake_case, and milliseconds. */
function published(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(published);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) =>
      name === 'heartbeatSeconds'
        ? ['heartbeat_ms', Number(member) * 1_000]
        : [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), published(member)],
    ),
  );
}
