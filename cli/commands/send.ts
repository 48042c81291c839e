import { text as readAll } from 'node:stream/consumers';
import { Command } from 'commander';
import type { z } from 'zod';
import { isApplicationDown, ServerCommand } from '../../contract/wire/command-ids.ts';
import { MAX_DELAY_SECONDS, MAX_TTL_SECONDS } from '../../contract/wire/commands.ts';
import { sentAnswer, sentToGroupAnswer } from '../../functions/send-command/schema.ts';
import type { Api } from '../support/api.ts';
import { apiOf, type Context, contextOf } from '../support/context.ts';
import { count } from '../support/drawing.ts';
import { ExitCode, Failure } from '../support/failure.ts';
import { onInterrupt } from '../support/interrupt.ts';
import { moment, secondsFromNow } from '../support/moment.ts';
import { collect, wholeNumber } from '../support/numbers.ts';
import { Progress } from '../support/progress.ts';
import { awaitDelivery, hasFailed, isFailed, receiptText } from '../support/receipt.ts';
import { everyUser, recipientsOfFile } from '../support/recipients.ts';
import { type Content, newKey, sendToMany } from '../support/send-many.ts';
import { followMany } from '../support/states.ts';
import { typedObject } from '../support/typed-json.ts';

interface SendOptions {
  to?: string[];
  toFile?: string;
  all?: true;
  everyone?: true;
  group?: string;
  commandId?: number;
  ttl?: number;
  at?: number;
  in?: number;
  replaces?: string;
  ifAwayFail?: true;
  receipt?: true;
  wait: number;
  batch: number;
  idempotencyKey?: string;
}

export function sendCommand(): Command {
  return new Command('send')
    .description('send a message to one, several or everyone, through the HTTP API (operators)')
    .argument('<content>', 'the text, or the JSON object of an application message; - reads standard input')
    .option('-t, --to <user id>', 'a recipient; several times, or with commas', collect)
    .option('-f, --to-file <file>', 'recipients of a file, one a line; - reads standard input')
    .option('-a, --all', 'everyone connected now')
    .option('--everyone', 'every known user; offline ones get it on their next connection')
    .option('-g, --group <name>', 'the members that the group has now')
    .option('-c, --command-id <id>', '2000–2999: an application message', wholeNumber(2_000, 2_999))
    .option('--ttl <seconds>', 'how long it may wait for an offline recipient', wholeNumber(1, MAX_TTL_SECONDS))
    .option('--at <time>', 'deliver it then, not earlier: a local time, one with its zone, or Unix seconds', moment)
    .option('--in <seconds>', 'deliver it after this time', wholeNumber(0, MAX_DELAY_SECONDS))
    .option(
      '--replaces <key>',
      'of the commands with this key that still wait for a recipient, only the newest is delivered',
    )
    .option('--if-away-fail', 'refuse it when the one recipient is not connected: nothing is stored')
    .option('--receipt', 'show the delivery to each recipient')
    .option('--wait <seconds>', 'how long to follow it', wholeNumber(0, 86_400), 10)
    .option('--batch <number>', 'with --to-file and --everyone: recipients of a request', wholeNumber(1, 1_000), 500)
    .option('--idempotency-key <key>', 'a repeated call with the same key has no effect; needs --at instead of --in')
    .addHelpText(
      'after',
      `
Exits 1 when a recipient is unknown, or when --receipt shows one that will not get it.

Examples:
  $ fronttcp send --to 13565208554 "Hello"
  $ fronttcp send --to 13565208554,1390854961g --receipt "Hello"
  $ fronttcp send --to-file recipients.txt "Hello"
  $ fronttcp send --all "We close at six"
  $ fronttcp send --everyone "We have moved" --ttl 86400
  $ fronttcp send --group pumps:north "Maintenance at six"
  $ fronttcp send --to 1390854961g --in 3600 --replaces level --command-id 2001 '{"level": 3}'
  $ fronttcp send --to 1390854961g --command-id 2001 '{"level": 3}' --ttl 60
  $ date | fronttcp send --to 13565208554 -`,
    )
    .action(send);
}

async function send(given: string, options: SendOptions, command: Command): Promise<void> {
  const context = await contextOf(command);
  checkTarget(given, options);
  const api = await apiOf(context);
  const content = await contentOf(given, options);
  if (options.group !== undefined) return sendToGroup(context, api, content, { ...options, group: options.group });
  const isMany = options.toFile !== undefined || options.everyone === true;
  const { unknown } = isMany
    ? await sendMany(context, api, content, options)
    : await sendOnce(context, api, content, options);
  if (unknown === 0) return;
  context.output.warn(`${unknown} ${unknown === 1 ? 'recipient is' : 'recipients are'} unknown`);
  process.exitCode = ExitCode.failed;
}

const headersOf = ({ idempotencyKey }: SendOptions) =>
  idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };

async function sendOnce(
  { output }: Context,
  api: Api,
  { commandId, ...content }: Content,
  options: SendOptions,
): Promise<{ unknown: number }> {
  const { to = [], all = false, wait, ifAwayFail } = options;
  const recipients = all ? {} : { chat_to: to.length === 1 ? to[0] : to };
  const condition = ifAwayFail ? { if_away: 'fail' } : {};
  const body = { command_id: commandId ?? chatCommandOf(all, to), ...recipients, ...content, ...condition };
  const sent = await api.call('POST', '/send-command', sentAnswer, { body, headers: headersOf(options) });
  if (!options.receipt) {
    output.result({ id: sent.id, recipients: sent.recipients }, `Sent ${sent.id}: ${countsText(sent.recipients)}.`);
    return sent.recipients;
  }
  output.note(`Sent ${sent.id}: ${countsText(sent.recipients)}. Following it for up to ${wait} s.`);
  const receipt = await awaitDelivery(api, sent.id, wait * 1_000);
  output.result({ recipients: sent.recipients, receipt }, receiptText(receipt));
  if (hasFailed(receipt)) process.exitCode = ExitCode.failed;
  return sent.recipients;
}

async function sendToGroup(
  { output }: Context,
  api: Api,
  { commandId, ...content }: Content,
  options: SendOptions & { group: string },
): Promise<void> {
  const { group, wait } = options;
  const body = { command_id: commandId ?? ServerCommand.group, chat_to: { group }, ...content };
  const ifMissing = 'See what there is: fronttcp groups list';
  const call = { body, headers: headersOf(options), ifMissing };
  const { id, recipients } = await api.call('POST', '/send-command', sentToGroupAnswer, call);
  const text = `Sent ${id}: members ${count(recipients.members)}.`;
  if (!options.receipt) return output.result({ id, recipients }, text);
  output.note(`${text} Following it for up to ${wait} s.`);
  const receipt = await awaitDelivery(api, id, wait * 1_000);
  // Of many recipients, only the failures are of interest; `fronttcp commands show` lists everyone.
  const failures = { ...receipt, recipients: receipt.recipients.filter(isFailed) };
  output.result({ recipients, receipt }, receiptText(failures));
  if (hasFailed(receipt)) process.exitCode = ExitCode.failed;
}

async function sendMany(
  { output }: Context,
  api: Api,
  content: Content,
  options: SendOptions,
): Promise<{ unknown: number }> {
  const recipients = options.toFile === undefined ? await everyUser(api) : await recipientsOfFile(options.toFile);
  const key = options.idempotencyKey ?? newKey();
  const progress = new Progress(output, recipients.length, 'recipients');
  const again = continuation(key, content, options);
  const signal = onInterrupt();
  let done = 0;
  const sent = await sendToMany(api, recipients, content, {
    batch: options.batch,
    key,
    signal,
    progress: (now) => {
      done = now;
      progress.update(now);
    },
    waiting: (seconds, why) => output.note(`${why} Trying again in ${seconds} s.`),
  })
    .catch((error: unknown) => {
      throw withContinuation(error, again, done, recipients.length);
    })
    .finally(() => progress.end());
  if (sent.done < recipients.length) {
    throw new Failure(ExitCode.interrupted, `sent to ${sent.done} of ${recipients.length} recipients`, again);
  }
  const text = `Sent to ${recipients.length} in ${sent.ids.length} messages: ${countsText(sent.recipients)}.`;
  if (!options.receipt) {
    output.result({ ids: sent.ids, recipients: sent.recipients }, text);
    return sent.recipients;
  }
  output.note(`${text} Following them for up to ${options.wait} s.`);
  const { states, failed, table } = await followMany(api, sent.ids, options.wait * 1_000, signal);
  output.result({ ids: sent.ids, recipients: sent.recipients, states, failed }, table);
  if (signal.aborted) process.exitCode = ExitCode.interrupted;
  else if (failed.length > 0) process.exitCode = ExitCode.failed;
  return sent.recipients;
}

/** At each run `--in` is another time, with which the API would refuse the same key. */
function continuation(key: string, { not_before: at }: Content, { in: delay }: SendOptions): string {
  const time = delay === undefined ? '' : ` and --at ${at} instead of --in`;
  return `To go on where it ended, run it again with --idempotency-key ${key}${time}`;
}

/** Only a first request that the API refused has certainly had no effect. */
function withContinuation(error: unknown, again: string, done: number, total: number): unknown {
  if (!(error instanceof Failure)) return error;
  const { exitCode, word, status, nextStep } = error;
  if (done > 0) {
    const message = `sent to ${done} of ${total} recipients, then: ${error.message}`;
    return new Failure(exitCode, message, again, { cause: error, word });
  }
  if (status !== undefined && status < 500) return error;
  const both = nextStep === undefined ? again : `${nextStep} ${again}`;
  return new Failure(exitCode, error.message, both, { cause: error, word });
}

function countsText({ online, stored, unknown, scheduled }: z.infer<typeof sentAnswer>['recipients']): string {
  const later = scheduled === undefined ? '' : `, scheduled ${scheduled}`;
  return `online ${online}, stored ${stored}, unknown ${unknown}${later}`;
}

function checkTarget(given: string, { to, toFile, all, everyone, group, commandId, ifAwayFail }: SendOptions): void {
  const named = [to, toFile, all, everyone, group].filter((target) => target !== undefined);
  if (named.length !== 1 || to?.length === 0) {
    const message =
      named.length > 1 ? 'give only one of --to, --to-file, --group, --all and --everyone' : 'no recipient';
    const nextStep = 'Name recipients with --to, --to-file or --group, or say --all (connected) or --everyone.';
    throw new Failure(ExitCode.usage, message, nextStep);
  }
  if (ifAwayFail && to?.length !== 1) {
    throw new Failure(ExitCode.usage, '--if-away-fail is for one recipient', 'Name one with --to.');
  }
  if (commandId !== undefined && all) {
    throw new Failure(ExitCode.usage, 'an application message needs named recipients', 'Use --to, or --everyone.');
  }
  if (given === '-' && toFile === '-') {
    throw new Failure(ExitCode.usage, 'content and recipients cannot both be on standard input', 'Use a file for one.');
  }
}

async function contentOf(given: string, options: SendOptions): Promise<Content> {
  const { commandId, ttl, replaces, receipt } = options;
  const notBefore = notBeforeOf(options);
  const text = given === '-' ? (await readAll(process.stdin)).replace(/\r?\n$/, '') : given;
  return {
    commandId,
    content: commandId !== undefined && isApplicationDown(commandId) ? objectOf(text) : text,
    ...(ttl === undefined ? {} : { ttl_s: ttl }),
    ...(notBefore === undefined ? {} : { not_before: notBefore }),
    ...(replaces === undefined ? {} : { replaces }),
    ...(receipt ? { receipt } : {}),
  };
}

function notBeforeOf({ at, in: delay, idempotencyKey }: SendOptions): number | undefined {
  if (delay === undefined) return at;
  if (at !== undefined) throw new Failure(ExitCode.usage, '--at and --in cannot be combined', 'Give one of them.');
  const due = secondsFromNow(delay);
  if (idempotencyKey === undefined) return due;
  const message = '--in cannot be combined with --idempotency-key: a repeated call would have another time';
  throw new Failure(ExitCode.usage, message, `Give the same time in each call: --at ${due}`);
}

function chatCommandOf(all: boolean, to: readonly string[]): number {
  if (all) return ServerCommand.broadcast;
  return to.length === 1 ? ServerCommand.single : ServerCommand.group;
}

function objectOf(text: string): object {
  const object = typedObject(text);
  if (object !== undefined) return object;
  const message = 'the content of an application message is a JSON object';
  throw new Failure(ExitCode.usage, message, `Such as '{"level": 3}'.`);
}
