import { setTimeout } from 'node:timers/promises';
import { Command } from 'commander';
import { beginTail, EVERYONE, type LifecycleLine, readTail, type TailLine } from '../../contract/store/tail.ts';
import { RedisUnavailableError } from '../../shared/redis/errors.ts';
import { contextOf } from '../support/context.ts';
import { onInterrupt } from '../support/interrupt.ts';
import { printable, styled, time } from '../support/output.ts';
import { type Store, withStore } from '../support/store.ts';

const POLL_MS = 500;

export function tailCommand(): Command {
  return new Command('tail')
    .description('follow live who connects and leaves, what is delivered and what is refused; no contents')
    .option('--user <user id>', 'only what concerns this user')
    .addHelpText(
      'after',
      `
Reads Redis itself: that of REDIS_URL, REDIS_CLUSTER and REDIS_KEY_PREFIX, of the Upstash pair, or of the \`fronttcp dev\` that
runs in this folder. The gateways tell of deliveries and refusals while somebody follows: the first may be three seconds late.

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

interface Told {
  began(): void;
  line(line: TailLine | LifecycleLine): void;
  away(): void;
}

/** When the store fails later, the command waits for it; a store that cannot be reached at the start is an error. */
async function follow({ redis, keys }: Store, user: string, signal: AbortSignal, told: Told): Promise<void> {
  let position = await beginTail(redis, keys, user);
  let isAway = false;
  told.began();
  while (!signal.aborted) {
    try {
      const { lines, next } = await readTail(redis, keys, user, position);
      position = next;
      isAway = false;
      for (const line of lines) told.line(line);
    } catch (error) {
      if (!(error instanceof RedisUnavailableError)) throw error;
      if (!isAway) told.away();
      isAway = true;
    }
    await setTimeout(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

function textOf(line: TailLine | LifecycleLine): string {
  const colour = line.type.includes('refused') || line.type === 'lost' ? 'red' : 'green';
  const facts = 'epoch' in line ? [line.reason, `epoch ${line.epoch}`] : factsOf(line);
  return [
    time(line.at),
    styled(line.type === 'disconnected' ? 'yellow' : colour, line.type.padEnd(14)),
    printable(line.user ?? '-'),
    ...facts.map((fact) => printable(fact)),
    styled('dim', line.gateway),
  ].join('  ');
}

function factsOf({ command, message, way, reason, count }: TailLine): string[] {
  const command_ = command === undefined ? undefined : String(command);
  const count_ = count === undefined ? undefined : `${count} lines were too many`;
  return [command_, message, way, reason, count_].filter((fact) => fact !== undefined);
}
