import { Argument, Command } from 'commander';
import { candidatesOf, fileOptionsOf } from '../support/completion.ts';
import { COMPLETE, completionScript, SHELLS, type Shell } from '../support/completion-scripts.ts';

export function completionCommand(): Command {
  return new Command('completion')
    .description('print a script that makes a shell complete commands, options and their values')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText(
      'after',
      `
The command must be on the PATH (npm install --global fronttcp). Put the line of your shell into its start-up file.

Examples:
  $ source <(fronttcp completion bash)
  $ source <(fronttcp completion zsh)
  $ fronttcp completion fish > ~/.config/fish/completions/fronttcp.fish`,
    )
    .action((shell: Shell, _options: object, command: Command) => {
      process.stdout.write(`${completionScript(shell, fileOptionsOf(programOf(command)))}\n`);
    });
}

/** Called by those scripts at each press of the Tab key. */
export function completeCommand(): Command {
  return new Command(COMPLETE).argument('[words...]').action((words: string[], _options: object, command: Command) => {
    const lines = candidatesOf(programOf(command), words).map(({ value, description }) => `${value}\t${description}\n`);
    process.stdout.write(lines.join(''));
  });
}

function programOf(command: Command): Command {
  return command.parent === null ? command : programOf(command.parent);
}
