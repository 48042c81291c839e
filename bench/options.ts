import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type { Plan } from './plan.ts';
import { cache } from './support/paths.ts';

interface Options {
  readonly plan: Plan;
  /** Parts of ids of scenarios; empty: all. */
  readonly only: readonly string[];
  /** Parts of names of servers; empty: all. */
  readonly peers: readonly string[];
  /** Where the result goes; undefined: bench/results/<time>-<commit>.json. */
  readonly out: string | undefined;
  /** Whether docs/performance.md and its plots are written from the result. */
  readonly writesDocument: boolean;
  /** Only say which scenarios and servers there are. */
  readonly isList: boolean;
}

/** Reads the command line of `npm run bench`. Exits with a message when it is not right. */
export function parseOptions(argv: readonly string[], say: (line: string) => void): Options {
  const command = new Command('bench')
    .description(
      'Measures fronttcp beside the C floor and its peers, in alternation. The result goes to bench/results/.',
    )
    .option('--quick', 'few rows, small and short, one round: that everything runs, in under two minutes', false)
    .option('--only <ids>', 'parts of scenario ids, by comma', list, [])
    .option('--peers <names>', 'parts of server names besides fronttcp, by comma; none: fronttcp alone', list)
    .option('--rounds <n>', 'how often everything is measured', positive)
    .option('--seconds <s>', 'length of one window', positive)
    .option('--nice <n>', 'priority of what is measured, where this user may', Number, -15)
    .option('--no-install', 'leave out peers that are not on this machine')
    .option('--out <file>', 'where the result goes')
    .option('--document', 'write docs/performance.md and its plots from the result', false)
    .option('--beside <checkout>', 'the gateway of another checkout of this project takes part, as “fronttcp beside”')
    .option(
      '--prototype <command>',
      'a program for Node with its arguments that speaks our frames takes part as “prototype”; its port is added',
    )
    .option('--profile', 'profile our gateway, and say where its time went (slower: no result to compare)', false)
    .option('--list', 'say which scenarios and servers there are', false)
    .parse([...argv], { from: 'user' });
  const given = command.opts<{
    quick: boolean;
    only: string[];
    peers?: string[];
    rounds?: number;
    seconds?: number;
    nice: number;
    install: boolean;
    out?: string;
    document: boolean;
    list: boolean;
    profile: boolean;
    beside?: string;
    prototype?: string;
  }>();
  const isPinned = availableParallelism() > 1 && process.platform === 'linux';
  return {
    only: given.only,
    peers: given.peers ?? (given.quick ? ['floor', 'redis'] : ['']),
    out: given.out,
    writesDocument: given.document,
    isList: given.list,
    plan: {
      isQuick: given.quick,
      rounds: given.rounds ?? (given.quick ? 1 : 5),
      seconds: given.seconds ?? (given.quick ? 0.5 : 2),
      warmupSeconds: given.quick ? 0.3 : 0.7,
      serverCpus: isPinned ? '0' : undefined,
      loadCpus: isPinned ? '1' : undefined,
      niceness: given.nice,
      mayInstall: given.install && !given.quick,
      beside: given.beside === undefined ? undefined : resolve(given.beside),
      prototype: given.prototype?.split(' ').map((part, at) => (at === 0 ? resolve(part) : part)),
      profileFolder: given.profile ? `${cache}/profiles` : undefined,
      say,
    },
  };
}

function list(text: string): string[] {
  return text.split(',').filter((part) => part !== '' && part !== 'none');
}

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError('must be a number above 0');
  return number;
}
