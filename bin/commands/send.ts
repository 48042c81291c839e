import { text as readAll } from 'node:stream/consumers';
import { Command } from 'commander';
import { z } from 'zod';
import { isApplicationDown, ServerCommand } from '../../contract/command-ids.ts';
import { MAX_TTL_SECONDS } from '../../contract/commands.ts';
import { sentAnswer } from '../../functions/send-command/schema.ts';
import { apiOf, contextOf } from '../support/context.ts';
import { ExitCode, Failure } from '../support/failure.ts';
import { collect, wholeNumber } from '../support/numbers.ts';
import { awaitDelivery, isFailed, receiptText } from '../support/receipt.ts';

interface SendOptions {
  to?: string[];
  all?: boolean;
  commandId?: number;
  ttl?: number;
  receipt?: boolean;
  wait: number;
  idempotencyKey?: string;
}

export function sendCommand(): Command {
  return new Command('send')
    .description('send a message to one, several or everyone, through the HTTP API (operators)')
    .argument('<content>', 'the text, or the JSON object of an application message; - reads standard input')
    .option('-t, --to <phone number>', 'a recipient; several times, or with commas', collect)
    .option('-a, --all', 'everyone who is connected')
    .option('-c, --command-id <id>', '2000–2999: an application message', wholeNumber(2_000, 2_999))
    .option('--ttl <seconds>', 'how long it may wait for a recipient who is away', wholeNumber(1, MAX_TTL_SECONDS))
    .option('--receipt', 'follow what becomes of it, per recipient')
    .option('--wait <seconds>', 'how long to follow it', wholeNumber(0, 86_400), 10)
    .option('--idempotency-key <key>', 'sent again with the same key, it happens once')
    .addHelpText(
      'after',
      `
Exits 1 when a recipient is unknown, or when --receipt shows one that will not get it.

Examples:
  $ fronttcp send --to 13565208554 "Hello"
  $ fronttcp send --to 13565208554,1390854961g --receipt "Hello"
  $ fronttcp send --all "We close at six"
  $ fronttcp send --to 1390854961g --command-id 2001 '{"level": 3}' --ttl 60
  $ date | fronttcp send --to 13565208554 -`,
    )
    .action(send);
}

async function send(content: string, options: SendOptions, command: Command): Promise<void> {
  const context = await contextOf(command);
  const { output } = context;
  const api = await apiOf(context);
  const body = await bodyOf(content, options);
  const headers = options.idempotencyKey === undefined ? {} : { 'idempotency-key': options.idempotencyKey };
  const sent = await api.call('POST', '/send-command', sentAnswer, { body, headers });
  const { online, stored, unknown } = sent.recipients;
  const counts = `online ${online}, stored ${stored}, unknown ${unknown}`;
  if (!options.receipt) {
    output.result({ id: sent.id, recipients: sent.recipients }, `Sent ${sent.id}: ${counts}.`);
  } else {
    output.note(`Sent ${sent.id}: ${counts}. Following it for up to ${options.wait} s.`);
    const receipt = await awaitDelivery(api, sent.id, options.wait * 1_000);
    output.result({ recipients: sent.recipients, receipt }, receiptText(receipt));
    if (receipt.recipients.some(isFailed)) process.exitCode = ExitCode.failed;
  }
  if (unknown > 0) {
    output.warn(`${unknown} of the recipients ${unknown === 1 ? 'is' : 'are'} not known`);
    process.exitCode = ExitCode.failed;
  }
}

async function bodyOf(given: string, options: SendOptions): Promise<unknown> {
  const { to = [], all = false, ttl, receipt } = options;
  if (all === to.length > 0) {
    throw new Failure(ExitCode.usage, 'to whom? Name recipients with --to, or say --all', 'See fronttcp send --help.');
  }
  const content = given === '-' ? (await readAll(process.stdin)).replace(/\r?\n$/, '') : given;
  const commandId = options.commandId ?? chatCommandOf(all, to);
  if (isApplicationDown(commandId) && all) {
    throw new Failure(ExitCode.usage, 'an application message has named recipients', 'Use --to.');
  }
  return {
    command_id: commandId,
    ...(all ? {} : { chat_to: to.length === 1 ? to[0] : to }),
    content: isApplicationDown(commandId) ? objectOf(content) : content,
    ...(ttl === undefined ? {} : { ttl_s: ttl }),
    ...(receipt ? { receipt: true } : {}),
  };
}

function chatCommandOf(all: boolean, to: readonly string[]): number {
  if (all) return ServerCommand.broadcast;
  return to.length === 1 ? ServerCommand.single : ServerCommand.group;
}

const jsonObject = z.record(z.string(), z.json());

function objectOf(text: string): z.infer<typeof jsonObject> {
  try {
    return jsonObject.parse(JSON.parse(text));
  } catch (cause) {
    const message = 'the content of an application message is a JSON object';
    throw new Failure(ExitCode.usage, message, `Such as '{"level": 3}'.`, { cause });
  }
}
