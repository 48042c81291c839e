import { createInterface, type Interface } from 'node:readline';
import { Command } from 'commander';
import type { Client } from '../../sdk/client/client.ts';
import { connect } from '../../sdk/client/connect.ts';
import { ClosedError, DismissedError, TokenRefusedError } from '../../sdk/client/errors.ts';
import { Chat, explained, type Screen } from '../support/chat.ts';
import { CHAT_HELP, type Target } from '../support/chat-line.ts';
import { type Context, contextOf, loginOf } from '../support/context.ts';
import type { StoredLogin } from '../support/credentials.ts';
import { mendOf } from '../support/doctor/certificate.ts';
import { ExitCode, Failure } from '../support/failure.ts';
import { type GatewayOptions, gatewayOf, hostOption, portOption, tlsOption } from '../support/gateway.ts';
import { collect } from '../support/numbers.ts';

interface ConnectOptions extends GatewayOptions {
  to?: string[];
  all?: boolean;
  plain?: boolean;
  listen?: boolean;
}

export function connectCommand(): Command {
  return new Command('connect')
    .description('connect to a gateway and chat: on a terminal, or line by line through a pipe')
    .addOption(hostOption())
    .addOption(portOption())
    .addOption(tlsOption())
    .option('-t, --to <user id>', 'the recipient of the lines; several times, or with commas', collect)
    .option('-a, --all', 'send the lines to everyone connected')
    .option('--plain', 'the bare protocol: no acknowledgements, no receipts')
    .option('--listen', 'keep showing messages when standard input ends')
    .addHelpText(
      'after',
      `
In the chat:
${CHAT_HELP}

Examples:
  $ fronttcp connect --to 13764408552
  $ echo "Good morning" | fronttcp connect --all
  $ fronttcp connect --listen --json < /dev/null | jq -r .content`,
    )
    .action(chat);
}

async function chat(options: ConnectOptions, command: Command): Promise<void> {
  const context = await contextOf(command);
  const login = await loginOf(context);
  const client = await open(login, context, options);
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY && !context.output.isJson;
  const lines = createInterface({
    input: process.stdin,
    ...(isTerminal ? { output: process.stdout } : {}),
    terminal: isTerminal,
  });
  const screen = isTerminal ? aroundPrompt(lines, context) : plainScreen(context);
  const conversation = new Chat(client, screen, targetOf(options));
  showEvents(client, screen);
  client.on('message', (message) => conversation.show(message));
  // After the message that the client is connected, the user may end it.
  const ended = endOf(client, lines);
  screen.note(`Connected as ${login.phone_number}.${isTerminal ? ' /help lists what you can say.' : ''}`);
  if (client.session?.lost) screen.note(`${client.session.lost} messages were lost while you were away.`);

  const reading = read(lines, conversation, isTerminal, options.listen ?? false);
  try {
    const exitCode = await Promise.race([ended, reading]);
    if (exitCode === ExitCode.done) await conversation.finish();
    process.exitCode = exitCode === ExitCode.done && conversation.failures > 0 ? ExitCode.failed : exitCode;
  } finally {
    await client.close();
    lines.close();
    // An open pipe at the other end must not keep this process running.
    process.stdin.destroy();
  }
}

async function open(login: StoredLogin, context: Context, options: ConnectOptions): Promise<Client> {
  const { host, port, tls } = await gatewayOf(login, context.apiUrl, options);
  try {
    return await connect({
      host,
      port,
      tls,
      phoneNumber: login.phone_number,
      token: login.token,
      ...(options.plain ? { features: [] } : {}),
    });
  } catch (error) {
    if (error instanceof TokenRefusedError) {
      throw new Failure(ExitCode.notAllowed, error.message, `Log in again: fronttcp login ${login.phone_number}`);
    }
    const nextStep = /certificate|ALTNAME/i.test((error as Error).message)
      ? mendOf((error as Error).message)
      : 'Is a gateway running there (fronttcp dev)? Name another with --host and --port.';
    throw new Failure(ExitCode.unreachable, `no connection: ${(error as Error).message}`, nextStep, { cause: error });
  }
}

function targetOf({ to = [], all = false }: ConnectOptions): Target | undefined {
  if (all && to.length > 0) throw new Failure(ExitCode.usage, 'either --to or --all');
  if (all) return 'everyone';
  const [first] = to;
  if (first === undefined) return undefined;
  return to.length === 1 ? { to: first } : { group: to };
}

/** Reads line by line; returns at the end of the input or at the command to leave. Without `listen` the end of the input ends the chat. */
async function read(lines: Interface, chat: Chat, isTerminal: boolean, listen: boolean): Promise<ExitCode> {
  const prompt = () => {
    lines.setPrompt(chat.prompt);
    if (isTerminal) lines.prompt(true);
  };
  prompt();
  for await (const line of lines) {
    if (!(await chat.line(line))) return ExitCode.done;
    prompt();
  }
  return listen ? new Promise<never>(() => undefined) : ExitCode.done;
}

/** Events that end a chat from outside: Ctrl-C, a signal, or the server for good. */
function endOf(client: Client, lines: Interface): Promise<ExitCode> {
  return new Promise((resolve, reject) => {
    lines.on('SIGINT', () => resolve(ExitCode.interrupted));
    process.on('SIGINT', () => resolve(ExitCode.interrupted));
    process.on('SIGTERM', () => resolve(ExitCode.done));
    client.once('closed', (cause) => {
      if (cause === undefined) return;
      const isOurs = cause instanceof DismissedError || cause instanceof TokenRefusedError;
      const exitCode = isOurs ? ExitCode.failed : ExitCode.unreachable;
      reject(new Failure(exitCode, cause.message, isOurs ? nextStepAfter(cause) : undefined, { cause }));
    });
  });
}

function nextStepAfter(cause: Error): string {
  return cause instanceof DismissedError && cause.reason === 'taken_over'
    ? 'The same user connected elsewhere. Run the command again to take the connection back.'
    : 'Log in again: fronttcp login <user id>';
}

function showEvents(client: Client, screen: Screen): void {
  client.on('reconnecting', (attempt, delayMs, cause) => {
    const seconds = Math.ceil(delayMs / 1_000);
    if (attempt === 1) screen.note(`Disconnected: ${cause.message}. Trying again within ${seconds} s.`);
  });
  client.on('verified', ({ lost }) => {
    screen.note(lost > 0 ? `Connected again; ${lost} messages were lost meanwhile.` : 'Connected again.');
  });
  client.on('refused', (error) => screen.error(`refused: ${explained(error)}`));
  client.on('error', (error) => {
    if (!(error instanceof ClosedError)) screen.error(error.message);
  });
}

function plainScreen({ output }: Context): Screen {
  return {
    message: (value, text) => output.line(value, text),
    note: (text) => output.note(text),
    error: (text) => output.error(text),
  };
}

/** On a terminal: the typed line is hidden while a received message is printed. */
function aroundPrompt(lines: Interface, { output }: Context): Screen {
  const aside = (write: () => void) => {
    process.stdout.write('\r\u001b[K');
    write();
    lines.prompt(true);
  };
  return {
    message: (value, text) => aside(() => output.line(value, text)),
    note: (text) => aside(() => output.note(text)),
    error: (text) => aside(() => output.error(text)),
  };
}
