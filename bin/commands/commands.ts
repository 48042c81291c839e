import { Command } from 'commander';
import { apiOf, contextOf } from '../support/context.ts';
import { readReceipt, receiptText } from '../support/receipt.ts';

export function commandsCommand(): Command {
  const show = new Command('show')
    .description('the delivery state, per recipient, of a command sent with --receipt')
    .argument('<id>', 'the message id that `send` printed')
    .addHelpText('after', '\nExample:\n  $ fronttcp commands show 1836279398195200')
    .action(async (id: string, _options: object, command: Command) => {
      const context = await contextOf(command);
      const receipt = await readReceipt(await apiOf(context), id);
      context.output.result(receipt, receiptText(receipt));
    });
  return new Command('commands').description('what was sent (operators)').addCommand(show);
}
