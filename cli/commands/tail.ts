import { setTimeout } from 'node:timers/promises';
import { Command } from 'commander';
import { beginTail, EVERYONE, type LifecycleLine, readTail, type TailLine } from '../../contract/store/scripts/tail.ts';
import { RedisUnavailableError } from '../../shared/redis/errors.ts';
import { contextOf } from '../support/context.ts';
import { onInterrupt } from '../support/interrupt.ts';
import { printable, styled, time } from '../support/output.ts';
import { type Store, withStore } from '../support/store.ts';

const POLL_MS = 500;

export function tailCommand(): Command {
  return new Command('tail')
    .description('show connects, disconnects, deliveries and refusals as they happen; without contents')
    .option('--user <user id>', 'only lines about this user')
    .addHelpText(
      'after',
      `
Reads Redis itself: that of REDIS_URL, REDIS_CLUSTER and REDIS_KEY_PREFIX, of the Upstash pair, or of the \`fronttcp dev\` that
runs in this folder. The gateways report deliveries and refusals only while somebody follows: the first may come three seconds late.

Examples:
  $ fronttcp tail
  $ fronttcp tail --user 13565208554
  $ fronttcp tail --json | jq 'select(.type == "refused")'`,
    )
    .action(async ({ user = EVERYONE }: { user?: string }, command: Command) => {
      const { output } = await contextOf(command);
      const signal = onInterrupt();
      await withStore((store) =>
        follow(store, user, signal, {
          began: () => output.note(`Following ${user === EVERYONE ? 'everyone' : printable(user)}. Ctrl-C ends.`),
          line: (line) => output.line(line, textOf(line)),
          away: () => output.warn('Redis is out of reach; trying again.'),
        }),
      );
    });
}

interface TailView {
  began(): void;
  line(line: TailLine | LifecycleLine): void;
  away(): void;
}

/** When the store fails later, the command waits for it; a store that cannot be reached at the start is an error. */
async function follow({ redis, keys }: Store, user: string, signal: AbortSignal, view: TailView): Promise<void> {
  let position = await beginTail(redis, keys, user);
  let isAway = false;
  view.began();
  while (!signal.aborted) {
    try {
      const { lines, next } = await readTail(redis, keys, user, position);
      position = next;
      isAway = false;
      for (const line of lines) view.line(line);
    } catch (error) {
      if (!(error instanceof RedisUnavailableError)) throw error;
      if (!isAway) view.away();
      isAway = true;
    }
    await setTimeout(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

function textOf(line: TailLine | LifecycleLine): string {
  const colour = line.type.includes('refused') || line.type === 'lost' ? 'red' : 'green';
  const fields = 'epoch' in line ? [line.reason, `epoch ${line.epoch}`] : fieldsOf(line);
  return [
    time(line.at),
    styled(line.type === 'disconnected' ? 'yellow' : colour, line.type.padEnd(14)),
    printable(line.user ?? '-'),
    ...fields.map((field) => printable(field)),
    styled('dim', line.gateway),
  ].join('  ');
}

function fieldsOf({ command, message, way, reason, count }: TailLine): string[] {
  const command_ = command === undefined ? undefined : String(command);
  const count_ = count === undefined ? undefined : `${count} lines over the limit were left out`;
  return [command_, message, way, reason, count_].filter((field) => field !== undefined);
}
