import { Command } from 'commander';
import { z } from 'zod';
import { apiOf, contextOf } from '../support/context.ts';
import { ExitCode, Failure } from '../support/failure.ts';

export function logoutCommand(): Command {
  return new Command('logout')
    .description('revoke the token, which closes the connection too, and delete it here')
    .option('--all', 'revoke every token of the user, not only this one')
    .addHelpText('after', '\nExample:\n  $ fronttcp logout --all')
    .action(async (options: { all?: boolean }, command: Command) => {
      const context = await contextOf(command);
      const api = await apiOf(context);
      try {
        await api.call('POST', '/logout', z.unknown(), options.all ? { body: { all: true } } : {});
      } catch (error) {
        // A token that is no longer valid needs no revocation.
        if (!(error instanceof Failure) || error.exitCode !== ExitCode.notAllowed) throw error;
      }
      await context.credentials.remove(context.apiUrl);
      context.output.result({ api: context.apiUrl }, `Logged out at ${context.apiUrl}.`);
    });
}
