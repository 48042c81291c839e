import { Command } from 'commander';
import type { z } from 'zod';
import { cancelAnswer, commandsAnswer, type pastCommand } from '../../functions/commands/schema.ts';
import { apiOf, contextOf } from '../support/context.ts';
import { defaultTo } from '../support/default-command.ts';
import { count } from '../support/drawing.ts';
import { ExitCode, Failure } from '../support/failure.ts';
import { wholeNumber } from '../support/numbers.ts';
import { printable, table, time } from '../support/output.ts';
import { readReceipt, receiptText } from '../support/receipt.ts';

type PastCommand = z.infer<typeof pastCommand>;

const MAX_PAGE = 100;

export function commandsCommand(): Command {
  return defaultTo(new Command('commands'), listCommand())
    .description('sent commands and their delivery (operators)')
    .addCommand(showCommand())
    .addCommand(cancelCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('sent commands, the newest first')
    .option('--from <sender>', 'only of this user, or of service:<name>')
    .option('-t, --to <user id>', 'only commands to this user')
    .option('--limit <number>', 'the maximum number of rows', wholeNumber(1, 10_000), 20)
    .addHelpText(
      'after',
      '\nExamples:\n  $ fronttcp commands list\n  $ fronttcp commands list --from service:billing --to 13565208554',
    )
    .action(async (options: { from?: string; to?: string; limit: number }, command: Command) => {
      const context = await contextOf(command);
      const api = await apiOf(context);
      const commands: PastCommand[] = [];
      let cursor: string | null = null;
      do {
        const query = new URLSearchParams({ limit: String(Math.min(MAX_PAGE, options.limit - commands.length)) });
        for (const name of ['from', 'to'] as const) if (options[name]) query.set(name, options[name]);
        if (cursor !== null) query.set('before', cursor);
        const page: z.infer<typeof commandsAnswer> = await api.call('GET', `/commands?${query}`, commandsAnswer);
        commands.push(...page.commands);
        cursor = page.cursor;
      } while (cursor !== null && commands.length < options.limit);
      const text = table(['ID', 'AT', 'COMMAND', 'FROM', 'TO', 'RECEIPT'], commands.map(rowOf));
      context.output.result({ commands, cursor }, commands.length === 0 ? 'There is no such command.' : text);
    });
}

function rowOf({ id, accepted_at, command_id, from, to, recipients, receipt }: PastCommand): string[] {
  const [first = ''] = to ?? [];
  const others = recipients !== null && recipients > 1 ? ` and ${recipients - 1} more` : '';
  const states = Object.entries(receipt?.states ?? {}).map(([state, count]) => `${count} ${state}`);
  return [
    id,
    time(accepted_at),
    String(command_id),
    printable(from),
    to === null ? 'everyone connected' : printable(first) + others,
    receipt === null ? '-' : states.join(', ') || `${receipt.recipients} recipients`,
  ];
}

function showCommand(): Command {
  return new Command('show')
    .description('the delivery state, per recipient, of a command sent with --receipt')
    .argument('<id>', 'the message id that `send` printed')
    .option('--cursor <cursor>', 'of a send to a group, or to more than a thousand: the next recipients')
    .addHelpText('after', '\nExample:\n  $ fronttcp commands show 1836279398195200')
    .action(async (id: string, { cursor }: { cursor?: string }, command: Command) => {
      const context = await contextOf(command);
      const receipt = await readReceipt(await apiOf(context), id, cursor);
      context.output.result(receipt, receiptText(receipt));
    });
}

function cancelCommand(): Command {
  return new Command('cancel')
    .description('cancel a command for recipients to which it was not written yet')
    .argument('[id]', 'the message id that `send` printed')
    .option('--idempotency-key <key>', 'instead of the id: the command sent with this key')
    .addHelpText(
      'after',
      `
Exits 1 when it was too late for everyone, or when it is not known any more.

Examples:
  $ fronttcp commands cancel 1836279398195200
  $ fronttcp commands cancel --idempotency-key spring-letter`,
    )
    .action(async (id: string | undefined, { idempotencyKey }: { idempotencyKey?: string }, command: Command) => {
      if ((id === undefined) === (idempotencyKey === undefined)) {
        const nextStep = 'See what was sent: fronttcp commands list';
        throw new Failure(ExitCode.usage, 'give an id or --idempotency-key', nextStep);
      }
      const context = await contextOf(command);
      const path = id === undefined ? '/commands' : `/commands/${encodeURIComponent(id)}`;
      const headers = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
      const answer = await (await apiOf(context)).call('DELETE', path, cancelAnswer, { headers });
      const { cancelled, too_late } = answer;
      context.output.result(answer, `Cancelled for ${count(cancelled)}; too late for ${count(too_late)}.`);
      if (cancelled === 0 && too_late > 0) process.exitCode = ExitCode.failed;
    });
}
