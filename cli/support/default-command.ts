import type { Command } from 'commander';
import { ExitCode, Failure } from './failure.ts';

/** `fronttcp users` alone is `fronttcp users list`; an unknown word is still reported as an unknown command. */
export function defaultTo(group: Command, list: Command): Command {
  // Not earlier: the settings that a command gets when it joins the program would undo it.
  group.hook('preSubcommand', () => {
    list.allowExcessArguments();
  });
  list.hook('preAction', (_hooked, action) => {
    const [word] = action.args;
    if (word === undefined) return;
    const names = group.commands.map((command) => command.name()).join(', ');
    throw new Failure(ExitCode.usage, `there is no command fronttcp ${group.name()} ${word}`, `There are: ${names}.`);
  });
  return group.addCommand(list, { isDefault: true });
}
