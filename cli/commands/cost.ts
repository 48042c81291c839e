import { Command, Option } from 'commander';
import { frontTcpBill, iotCoreBill, webSocketBill } from '../../lib/cost/model.ts';
import { costReport } from '../../lib/cost/report.ts';
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
    .addHelpText(
      'after',
      `
Examples:
  $ fronttcp cost --clients 100000 --commands-per-minute 1
  $ fronttcp cost --clients 20000 --commands-per-minute 0.1 --batch 100 --redis upstash`,
    )
    .action(async (usage: Usage, command: Command) => {
      const { output } = await contextOf(command);
      const bills = { fronttcp: frontTcpBill(usage), webSocket: webSocketBill(usage), iotCore: iotCoreBill(usage) };
      output.result({ usage, ...bills }, costReport(usage));
    });
}
