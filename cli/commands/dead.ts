import { Command } from 'commander';
import type { Api } from '../support/api.ts';
import { apiOf, contextOf } from '../support/context.ts';
import { type DeadLetter, type Decision, decide, listDeadLetters } from '../support/dead-letters.ts';
import { defaultTo } from '../support/default-command.ts';
import { count } from '../support/drawing.ts';
import { ExitCode, Failure } from '../support/failure.ts';
import { onInterrupt } from '../support/interrupt.ts';
import { wholeNumber } from '../support/numbers.ts';
import type { Output } from '../support/output.ts';
import { printable, table, time } from '../support/output.ts';
import { Progress } from '../support/progress.ts';

/** Limit of letters that can be found by id while older ones are removed. */
const MAX_AT_ONCE = 5_000;
const SHOWN_CHARACTERS = 60;

export function deadCommand(): Command {
  return defaultTo(new Command('dead'), listCommand())
    .description('entries that the queue could not deliver: list, retry, delete (operators)')
    .addCommand(retryCommand())
    .addCommand(deleteCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('the dead letters, the newest first')
    .option('--limit <number>', 'the maximum number of rows', wholeNumber(1, 100_000), 100)
    .addHelpText('after', "\nExamples:\n  $ fronttcp dead list\n  $ fronttcp dead list --json | jq '.letters[].entry'")
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const context = await contextOf(command);
      const { letters, total } = await listDeadLetters(await apiOf(context), limit);
      const text = table(['ID', 'AT', 'REASON', 'ENTRY'], letters.map(rowOf));
      context.output.result({ letters, total }, letters.length === 0 ? 'There is no dead letter.' : text);
      if (total > letters.length) context.output.note(`${count(total)} in all: --limit ${total}`);
      else if (total > 0) context.output.note('Fix the cause, then: fronttcp dead retry --all');
    });
}

function rowOf({ id, at, reason, entry, chat_to }: DeadLetter): string[] {
  const shown = printable(entry.replaceAll(/\s+/g, ' '));
  const to = chat_to === null ? '' : `: ${chat_to.slice(0, 3).join(', ')}${chat_to.length > 3 ? ', …' : ''}`;
  return [
    id,
    time(at),
    printable(`${reason ?? '-'}${to}`),
    shown.length > SHOWN_CHARACTERS ? `${shown.slice(0, SHOWN_CHARACTERS - 1)}…` : shown,
  ];
}

function retryCommand(): Command {
  return new Command('retry')
    .description(
      'put letters back into the queue; a letter for several recipients goes only to those that did not get it',
    )
    .argument('[id...]', 'as `dead list` shows them')
    .option('--all', `every one, the oldest first (up to ${count(MAX_AT_ONCE)})`)
    .addHelpText('after', '\nExamples:\n  $ fronttcp dead retry 0-5f1e0c7a9b3d4e8f\n  $ fronttcp dead retry --all')
    .action((ids: string[], { all = false }: { all?: boolean }, command: Command) =>
      decideOn(ids, { all, decision: 'retry' }, command),
    );
}

function deleteCommand(): Command {
  return new Command('delete')
    .description('delete letters for good')
    .argument('[id...]', 'as `dead list` shows them')
    .option('--all', `every one (up to ${count(MAX_AT_ONCE)}); with --yes`)
    .option('--yes', 'delete all without a question')
    .addHelpText(
      'after',
      '\nExamples:\n  $ fronttcp dead delete 0-5f1e0c7a9b3d4e8f\n  $ fronttcp dead delete --all --yes',
    )
    .action((ids: string[], { all = false, yes = false }: { all?: boolean; yes?: boolean }, command: Command) => {
      if (all && !yes) {
        const nextStep = 'Look at them (fronttcp dead list), then add --yes.';
        throw new Failure(ExitCode.usage, 'all dead letters would be deleted for good', nextStep);
      }
      return decideOn(ids, { all, decision: 'delete' }, command);
    });
}

async function decideOn(
  ids: string[],
  { all, decision }: { all: boolean; decision: Decision },
  command: Command,
): Promise<void> {
  if (all === ids.length > 0) {
    throw new Failure(ExitCode.usage, 'give ids, or --all', 'See them: fronttcp dead list');
  }
  const context = await contextOf(command);
  const api = await apiOf(context);
  const chosen = all ? (await listDeadLetters(api, MAX_AT_ONCE)).letters.map(({ id }) => id).reverse() : ids;
  const { done, gone } = await decideOnEach(api, chosen, decision, context.output);
  const [past, verb] = decision === 'retry' ? ['retried', 'Retried'] : ['deleted', 'Deleted'];
  const more = gone.length > 0 ? `; ${count(gone.length)} were gone already` : '';
  context.output.result({ [past ?? '']: done, gone }, `${verb} ${count(done.length)}${more}.`);
  const left = chosen.length - done.length - gone.length;
  if (left > 0) {
    context.output.warn(`interrupted: ${count(left)} of ${count(chosen.length)} letters are left`);
    process.exitCode = ExitCode.interrupted;
    return;
  }
  // A letter named by the user must exist. With `--all`, another operator may have handled it first.
  if (!all && gone.length > 0) process.exitCode = ExitCode.failed;
}

async function decideOnEach(
  api: Api,
  ids: readonly string[],
  decision: Decision,
  output: Output,
): Promise<{ done: string[]; gone: string[] }> {
  const signal = onInterrupt();
  const progress = new Progress(output, ids.length, 'dead letters');
  const done: string[] = [];
  const gone: string[] = [];
  try {
    for (const [at, id] of ids.entries()) {
      if (signal.aborted) break;
      ((await decide(api, id, decision)) ? done : gone).push(id);
      if (ids.length > 1) progress.update(at + 1);
    }
  } finally {
    progress.end();
  }
  return { done, gone };
}
