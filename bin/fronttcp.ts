import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { benchCommand } from './commands/bench.ts';
import { commandsCommand } from './commands/commands.ts';
import { completeCommand, completionCommand } from './commands/completion.ts';
import { connectCommand } from './commands/connect.ts';
import { costCommand } from './commands/cost.ts';
import { deadCommand } from './commands/dead.ts';
import { devCommand } from './commands/dev.ts';
import { doctorCommand } from './commands/doctor.ts';
import { loginCommand } from './commands/login.ts';
import { logoutCommand } from './commands/logout.ts';
import { sendCommand } from './commands/send.ts';
import { fleetWorkerCommand, simulateCommand } from './commands/simulate.ts';
import { gatewaysCommand, statsCommand } from './commands/stats.ts';
import { tailCommand } from './commands/tail.ts';
import { tokensCommand } from './commands/tokens.ts';
import { usersCommand } from './commands/users.ts';
import { DEFAULT_API } from './support/context.ts';
import { ExitCode, Failure } from './support/failure.ts';
import { Output, styled } from './support/output.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('fronttcp')
  .description('Reach long-lived TCP clients: log in, connect, send, and see what became of it.')
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
  0  done
  1  refused or failed: what was asked did not (wholly) happen
  2  the command line or the environment is wrong
  3  the API, the gateway or Redis is out of reach
  4  not logged in, or not allowed

Environment:
  FRONTTCP_API    the HTTP API
  FRONTTCP_TOKEN  a token to use instead of the login that was kept
  FRONTTCP_HOST   the gateway, for connect
  FRONTTCP_PORT   its port
  NO_COLOR        no colours

Examples:
  $ fronttcp dev
  $ fronttcp login 13764408552
  $ fronttcp connect
  $ fronttcp send --to 13565208554 "Hello" --receipt`,
  );

for (const command of [
  devCommand(),
  loginCommand(),
  logoutCommand(),
  connectCommand(),
  sendCommand(),
  commandsCommand(),
  usersCommand(),
  tokensCommand(),
  gatewaysCommand(),
  statsCommand(),
  deadCommand(),
  tailCommand(),
  benchCommand(),
  simulateCommand(),
  costCommand(),
  doctorCommand(),
  completionCommand(),
]) {
  program.addCommand(command);
}
for (const hidden of [completeCommand(), fleetWorkerCommand()]) program.addCommand(hidden, { hidden: true });
throwInsteadOfExit(program);

// A reader that has enough, such as `head`, is no error of ours. What has something to put in order ends as at SIGTERM.
let hasReader = true;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (hasReader && !process.emit('SIGTERM', 'SIGTERM')) process.exit(ExitCode.done);
  hasReader = false;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

/** Commands that were made apart do not take over what the program was told. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    throwInsteadOfExit(child);
  }
}

function explain(error: unknown): number {
  // Commander has said what is wrong, or shown what was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
  const output = new Output({ json: false, quiet: false });
  if (!(error instanceof Failure)) {
    output.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return ExitCode.failed;
  }
  output.error(error.message);
  if (error.nextStep !== undefined) process.stderr.write(`  ${error.nextStep}\n`);
  return error.exitCode;
}
