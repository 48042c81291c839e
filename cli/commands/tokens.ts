import { Command, Option } from 'commander';
import { z } from 'zod';
import { SCOPES } from '../../contract/store/service-tokens.ts';
import { createTokenAnswer, tokensAnswer } from '../../functions/tokens/schema.ts';
import { apiOf, contextOf } from '../support/context.ts';
import { defaultTo } from '../support/default-command.ts';
import { collect, wholeNumber } from '../support/numbers.ts';
import { printable, table, time, unixMs } from '../support/output.ts';

export function tokensCommand(): Command {
  return defaultTo(new Command('tokens'), listCommand())
    .description('tokens of programs that send or read through the HTTP API (operators)')
    .addCommand(createCommand())
    .addCommand(revokeCommand());
}

function createCommand(): Command {
  return new Command('create')
    .description('make a token; it is shown only once')
    .argument('<name>', 'its messages are from service:<name>')
    .addOption(new Option('--scope <scope...>', 'what it may do').choices(SCOPES).makeOptionMandatory())
    .option('-t, --to <user id>', 'with send: the only recipients; several times, or with commas', collect)
    .option('--ttl <seconds>', 'how long it is valid', wholeNumber(1, 315_360_000))
    .addHelpText(
      'after',
      `
Examples:
  $ fronttcp tokens create billing --scope send --to 13565208554
  $ fronttcp tokens create dashboard --scope read --ttl 86400`,
    )
    .action(async (name: string, options: { scope: string[]; to?: string[]; ttl?: number }, command: Command) => {
      const context = await contextOf(command);
      const { scope: scopes, to: recipients, ttl: ttl_s } = options;
      const body = { name, scopes, recipients, ttl_s };
      const made = await (await apiOf(context)).call('POST', '/service-tokens', createTokenAnswer, { body });
      const expires_at = unixMs(made.expires_at);
      context.output.result({ ...made, expires_at }, made.token);
      context.output.note(`Token ${made.id} of service:${name}, until ${time(expires_at)}. Keep it now.`);
    });
}

function listCommand(): Command {
  return new Command('list')
    .description('the valid tokens')
    .addHelpText('after', '\nExample:\n  $ fronttcp tokens list --json')
    .action(async (_options: object, command: Command) => {
      const context = await contextOf(command);
      const answer = await (await apiOf(context)).call('GET', '/service-tokens', tokensAnswer);
      const tokens = answer.tokens.map((token) => ({ ...token, expires_at: unixMs(token.expires_at) }));
      const rows = tokens.map(({ id, name, scopes, recipients, created_by, expires_at }) => [
        id,
        printable(name),
        scopes.join(', '),
        recipients === null ? 'anyone' : `${recipients.length}`,
        printable(created_by),
        time(expires_at),
      ]);
      const headings = ['ID', 'NAME', 'SCOPES', 'RECIPIENTS', 'MADE BY', 'UNTIL'];
      context.output.result({ tokens }, rows.length === 0 ? 'There is no token.' : table(headings, rows));
    });
}

function revokeCommand(): Command {
  return new Command('revoke')
    .description('end a token: it is invalid from then on')
    .argument('<id>', 'as `tokens list` shows it')
    .addHelpText('after', '\nExample:\n  $ fronttcp tokens revoke 5f1e0c7a9b3d4e8f6a2c1b0d')
    .action(async (id: string, _options: object, command: Command) => {
      const context = await contextOf(command);
      const ifMissing = 'See what there is: fronttcp tokens list';
      const path = `/service-tokens/${encodeURIComponent(id)}`;
      await (await apiOf(context)).call('DELETE', path, z.object({}), { ifMissing });
      context.output.result({ id, revoked: true }, `Revoked ${printable(id)}.`);
    });
}
