import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { askCommand } from './commands/ask.ts';
import { benchCommand } from './commands/bench.ts';
import { commandsCommand } from './commands/commands.ts';
import { completeCommand, completionCommand } from './commands/completion.ts';
import { conformanceCommand } from './commands/conformance.ts';
import { connectCommand } from './commands/connect.ts';
import { costCommand } from './commands/cost.ts';
import { deadCommand } from './commands/dead.ts';
import { devCommand } from './commands/dev.ts';
import { doctorCommand } from './commands/doctor.ts';
import { groupsCommand } from './commands/groups.ts';
import { loginCommand } from './commands/login.ts';
import { logoutCommand } from './commands/logout.ts';
import { sendCommand } from './commands/send.ts';
import { setupCommand } from './commands/setup.ts';
import { fleetWorkerCommand, simulateCommand } from './commands/simulate.ts';
import { gatewaysCommand, statsCommand } from './commands/stats.ts';
import { tailCommand } from './commands/tail.ts';
import { tokensCommand } from './commands/tokens.ts';
import { usersCommand } from './commands/users.ts';
import { DEFAULT_API } from './support/context.ts';
import { styled } from './support/output.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** The whole command line, as a tree of commands. An invalid command line throws instead of ending the process. */
export function createProgram(): Command {
  const program = new Command('fronttcp')
    .description('Reach long-lived TCP clients: log in, connect, send, and follow the delivery.')
    .version(version)
    .option('--api <url>', `the HTTP API (FRONTTCP_API, the last login, the \`dev\` of this folder, or ${DEFAULT_API})`)
    .option('--json', 'results as JSON on standard output')
    .option('-q, --quiet', 'results and errors only')
    .configureHelp({ showGlobalOptions: true, styleTitle: (text) => styled('bold', text) })
    .showHelpAfterError('(more with --help)')
    .addHelpText(
      'after',
      `
Exit codes:
  0    done
  1    refused or failed: the command was not carried out, or only in part
  2    the command line or the environment is wrong
  3    the API, the gateway or Redis is out of reach
  4    not logged in, or not allowed
  130  ended by Ctrl-C

Environment:
  FRONTTCP_API    the HTTP API
  FRONTTCP_TOKEN  a token to use instead of the login that was kept
  FRONTTCP_HOST   the gateway
  FRONTTCP_PORT   its port
  REDIS_URL       the Redis of commands that work on Redis itself
  NO_COLOR        no colours

Examples:
  $ fronttcp dev
  $ fronttcp login 13764408552
  $ fronttcp connect
  $ fronttcp send --to 13565208554 "Hello" --receipt`,
    );

  program.commandsGroup('Start:').helpCommand('help [command]', 'the help of a command');
  for (const [heading, commands] of sections()) {
    for (const command of commands) program.addCommand(command.helpGroup(heading));
  }
  for (const hidden of [completeCommand(), fleetWorkerCommand()]) program.addCommand(hidden, { hidden: true });
  throwInsteadOfExit(program);
  return program;
}

/** In the order of the help. */
function sections(): [heading: string, commands: Command[]][] {
  return [
    ['Start:', [devCommand(), setupCommand(), loginCommand(), logoutCommand(), doctorCommand(), completionCommand()]],
    ['Send and receive:', [connectCommand(), sendCommand(), askCommand(), commandsCommand()]],
    [
      'Operate:',
      [
        usersCommand(),
        groupsCommand(),
        tokensCommand(),
        statsCommand(),
        gatewaysCommand(),
        tailCommand(),
        deadCommand(),
      ],
    ],
    ['Measure:', [conformanceCommand(), benchCommand(), simulateCommand(), costCommand()]],
  ];
}

/** Commands that were created separately do not inherit the settings of the program. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    throwInsteadOfExit(child);
  }
}
