import { Command } from 'commander';
import { statsAnswer } from '../../functions/stats/schema.ts';
import { apiOf, contextOf } from '../support/context.ts';
import { printable, styled, table, time } from '../support/output.ts';

export function statsCommand(): Command {
  return new Command('stats')
    .description('connected clients, deliveries and the queue (operators)')
    .addHelpText('after', '\nExamples:\n  $ fronttcp stats\n  $ fronttcp stats --json | jq .connected')
    .action(async (_options: object, command: Command) => {
      const context = await contextOf(command);
      const api = await apiOf(context);
      const stats = await api.call('GET', '/stats', statsAnswer);
      const { connected, users, gateways, queue, deliveries } = stats;
      const rows: [string, number][] = [
        ['connected', connected],
        ['users', users],
        ['gateways', gateways.filter(({ live }) => live).length],
        ['queue', queue.waiting],
        ['dead letters', queue.dead],
        ...Object.entries(deliveries).sort(([a], [b]) => (a < b ? -1 : 1)),
      ];
      const text = table(
        ['WHAT', 'COUNT'],
        rows.map(([name, count]) => [printable(name), count.toLocaleString('en')]),
      );
      context.output.result(stats, text);
    });
}

export function gatewaysCommand(): Command {
  return new Command('gateways')
    .description('the gateways and their figures (operators)')
    .addHelpText('after', '\nExample:\n  $ fronttcp gateways')
    .action(async (_options: object, command: Command) => {
      const context = await contextOf(command);
      const api = await apiOf(context);
      const { gateways } = await api.call('GET', '/stats', statsAnswer);
      const rows = gateways.map(({ id, live, sessions, inbox, lease_expires_at, facts }) => [
        printable(id),
        live ? styled('green', 'live') : styled('red', 'gone'),
        printable(facts.connections ?? '-'),
        String(sessions),
        printable(facts.delivered ?? '-'),
        String(inbox),
        time(lease_expires_at),
      ]);
      const headings = ['GATEWAY', 'STATE', 'CONNECTIONS', 'SESSIONS', 'DELIVERED', 'INBOX', 'LEASE UNTIL'];
      context.output.result(gateways, rows.length === 0 ? 'There is no gateway.' : table(headings, rows));
    });
}
