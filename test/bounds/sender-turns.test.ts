import { expect, test } from 'vitest';
import { SenderTurns } from '../../gateway/routing/sender-turns.ts';

interface Command {
  readonly command: { readonly from: string };
  readonly work: number;
  readonly at: number;
}

function waiting(...commands: readonly [from: string, work: number, count: number][]): SenderTurns<Command> {
  const turns = new SenderTurns<Command>();
  let at = 0;
  for (const [from, work, count] of commands) {
    for (let i = 0; i < count; i += 1) {
      turns.add({ command: { from }, work, at });
      at += 1;
    }
  }
  return turns;
}

function batches(turns: SenderTurns<Command>): (readonly Command[])[] {
  const all: (readonly Command[])[] = [];
  while (turns.length > 0) all.push(turns.take());
  return all;
}

const senders = (batch: readonly Command[] | undefined) => batch?.map(({ command }) => command.from).join('');

test('commands of one call keep the order in which they came', () => {
  expect(batches(waiting(['a', 100, 10], ['b', 1, 5], ['a', 100, 10])).map(senders)).toEqual([
    `${'a'.repeat(10)}bbbbb${'a'.repeat(10)}`,
  ]);
});

test('a command larger than a call takes a call of its own, first in line or behind others', () => {
  expect(batches(waiting(['a', 6_000, 2], ['b', 1, 1])).map(senders)).toEqual(['a', 'b', 'a']);
});

test('senders take turns by their work; a sender with many commands does not delay the others', () => {
  const [first, second] = batches(waiting(['a', 1_500, 30], ['b', 2, 60], ['c', 2, 1]));
  expect(senders(first)).toBe(`a${'b'.repeat(50)}ca${'b'.repeat(10)}a`);
  expect(senders(second)).toBe('aaa');
});

test('a sender whose next command does not fit is the first of the next call', () => {
  const turns = waiting(['a', 3_000, 4], ['b', 3_000, 4]);
  expect(batches(turns).map(senders)).toEqual(['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b']);
});

test('no command is left out or given twice, those of each sender keep their order, and no call is above its bound', () => {
  const turns = new SenderTurns<Command>();
  const given: Command[] = [];
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let at = 0; at < 20_000; ) {
    for (let burst = random(900); burst > 0; burst -= 1, at += 1) {
      turns.add({ command: { from: `s${random(9) ** 2}` }, work: random(50) === 0 ? random(7_000) : 2, at });
    }
    for (let calls = random(3); calls > 0 && turns.length > 0; calls -= 1) given.push(...bounded(turns.take()));
  }
  while (turns.length > 0) given.push(...bounded(turns.take()));
  expect(given.map(({ at }) => at).sort((a, b) => a - b)).toEqual(given.map((_, at) => at));
  const last = new Map<string, number>();
  for (const { command, at } of given) {
    expect(at).toBeGreaterThan(last.get(command.from) ?? -1);
    last.set(command.from, at);
  }
});

function bounded(batch: readonly Command[]): readonly Command[] {
  const work = batch.reduce((sum, command) => sum + command.work, 0);
  expect(batch.length === 1 || (work <= 5_000 && batch.length <= 256)).toBe(true);
  expect(batch.length).toBeGreaterThan(0);
  return batch;
}
