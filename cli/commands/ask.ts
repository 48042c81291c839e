import { Command } from 'commander';
import { z } from 'zod';
import { APPLICATION_DOWN, ServerCommand } from '../../contract/wire/command-ids.ts';
import { DEFAULT_WAIT_SECONDS, MAX_TTL_SECONDS, MAX_WAIT_SECONDS } from '../../contract/wire/commands.ts';
import { isJsonObject } from '../../shared/raw-json.ts';
import { apiOf, contextOf } from '../support/context.ts';
import { ExitCode, Failure } from '../support/failure.ts';
import { wholeNumber } from '../support/numbers.ts';
import { typedJson } from '../support/typed-json.ts';

interface AskOptions {
  commandId: number;
  timeout: number;
  ttl?: number;
  ifAwayFail?: true;
}

const answer = z.object({
  id: z.string(),
  outcome: z.enum(['replied', 'pending']),
  // Not z.json(): it would copy a number that is kept as text.
  reply: z.unknown().optional(),
});

/** Network time in addition to the time that the API waits, ms. */
const MARGIN_MS = 10_000;

export function askCommand(): Command {
  return new Command('ask')
    .description('ask a connected client, and print its reply (operators)')
    .argument('<user>', 'the asked user')
    .argument('<json>', 'an object: an application message; a string: a chat message')
    .option(
      '-c, --command-id <id>',
      'of an application message, 2000–2999',
      wholeNumber(APPLICATION_DOWN.first, APPLICATION_DOWN.last),
      APPLICATION_DOWN.first,
    )
    .option('--timeout <seconds>', 'how long to wait', wholeNumber(1, MAX_WAIT_SECONDS), DEFAULT_WAIT_SECONDS)
    .option('--ttl <seconds>', 'how long it may wait for an offline client', wholeNumber(1, MAX_TTL_SECONDS))
    .option('--if-away-fail', 'refuse it when the client is not connected: nothing is stored')
    .addHelpText(
      'after',
      `
Prints the reply as JSON. Exits 1 when the client cannot reply, or has not replied in time: then the message goes on,
and a later reply is in its receipt (fronttcp commands show <id>).

Examples:
  $ fronttcp ask 1390854961g '{"read": "temperature"}'
  $ fronttcp ask 1390854961g '{"reboot": true}' --command-id 2001 --timeout 25 --if-away-fail`,
    )
    .action(ask);
}

async function ask(userId: string, json: string, options: AskOptions, command: Command) {
  const context = await contextOf(command);
  const api = await apiOf(context);
  const content = contentOf(json);
  const body = {
    command_id: typeof content === 'string' ? ServerCommand.single : options.commandId,
    chat_to: userId,
    content,
    wait: 'reply',
    timeout_s: options.timeout,
    ...(options.ttl === undefined ? {} : { ttl_s: options.ttl }),
    ...(options.ifAwayFail ? { if_away: 'fail' } : {}),
  };
  const timeoutMs = options.timeout * 1_000 + MARGIN_MS;
  const ifMissing = 'See who there is: fronttcp users list';
  const { id, outcome, reply } = await api.call('POST', '/send-command', answer, { body, timeoutMs, ifMissing });
  if (outcome === 'replied') return context.output.result({ id, outcome, reply: reply ?? null }, JSON.stringify(reply));
  context.output.result({ id, outcome }, `No reply within ${options.timeout} s. The message goes on.`);
  context.output.note(`A later reply is in its receipt: fronttcp commands show ${id}`);
  process.exitCode = ExitCode.failed;
}

function contentOf(json: string): string | object {
  const content = typedJson(json);
  if (typeof content === 'string' || isJsonObject(content)) return content;
  const nextStep = `Such as '{"read": "temperature"}' or '"hello"'.`;
  throw new Failure(ExitCode.usage, 'what is asked is a JSON object or a JSON string', nextStep);
}
