import { beforeEach, expect, test } from 'vitest';
import { ServerCommand } from '../../contract/wire/command-ids.ts';
import { chatBody } from '../../contract/wire/message.ts';
import { FanOut } from '../../gateway/delivery/broadcast.ts';
import { Message } from '../../gateway/delivery/messages.ts';
import { Slice } from '../../gateway/delivery/time-budget.ts';
import { Counters } from '../../gateway/observe/counters.ts';
import type { Tail } from '../../gateway/observe/tail.ts';
import { Registry } from '../../gateway/session/registry.ts';
import type { Session } from '../../gateway/session/session.ts';

/** What a round touches of a session, and in which order it is sent things. */
class Receiver {
  readonly form = 'plain';
  readonly sent: Message[] = [];
  replay: undefined;
  fanOutSeen = 0;
  readonly outbox = {
    isEmpty: true,
    writeShared: (items: readonly Message[]) => {
      this.sent.push(...items);
      return true;
    },
  };
  readonly userId: string;
  constructor(userId: string) {
    this.userId = userId;
  }
  deliver(message: Message): void {
    this.sent.push(message);
  }
}

class OneStep extends Slice {
  constructor() {
    super(1);
  }
  override isOver(): boolean {
    return true;
  }
}

let registry: Registry;
let counters: Counters;
let fanOut: FanOut;
let asked: number;

beforeEach(() => {
  registry = new Registry();
  counters = new Counters();
  asked = 0;
  const tail = { isOn: false } as Tail;
  fanOut = new FanOut({ registry, counters, schedule: () => (asked += 1), tail });
});

const broadcast = (bytes = 10) =>
  Message.direct(1, ServerCommand.broadcast, chatBody('"a"', JSON.stringify('x'.repeat(bytes))), 'broadcast');

function join(...names: string[]): Receiver[] {
  return names.map((name) => {
    const receiver = new Receiver(name);
    receiver.fanOutSeen = fanOut.count;
    registry.add(receiver as unknown as Session);
    return receiver;
  });
}

const session = (receiver: Receiver) => receiver as unknown as Session;
const turn = () => fanOut.flush(0, new OneStep());

test('a round goes on where the slice ended, and reaches everyone once', () => {
  const receivers = join('a', 'b', 'c');
  const message = broadcast();
  fanOut.add(message);
  expect(asked).toBe(1);
  const turns: boolean[] = [];
  while (turns.at(-1) !== true) turns.push(turn());
  expect(turns.length).toBeGreaterThanOrEqual(3);
  for (const { sent } of receivers) expect(sent).toEqual([message]);
  expect(counters.deliveredBroadcast).toBe(3);
  expect(turn()).toBe(true);
});

test('what comes during a round makes the next one; whoever is sent something of its own has both before it', () => {
  const [a, b, c] = join('a', 'b', 'c');
  const first = broadcast();
  const second = broadcast();
  fanOut.add(first);
  turn();
  expect(a?.sent).toEqual([first]);
  fanOut.add(second);
  // c is yet to be reached by either.
  fanOut.catchUp(session(c as Receiver));
  expect(c?.sent).toEqual([first, second]);
  fanOut.catchUp(session(a as Receiver));
  expect(a?.sent).toEqual([first, second]);
  for (let turns = 0; !turn() && turns < 10; turns += 1);
  for (const receiver of [a, b, c]) expect(receiver?.sent).toEqual([first, second]);
});

test('who comes or goes during a round: a newcomer gets nothing that was sent before, and who left nothing any more', () => {
  const [, b, c] = join('a', 'b', 'c');
  const message = broadcast();
  fanOut.add(message);
  turn();
  registry.remove(session(b as Receiver));
  const [d] = join('d');
  while (!turn());
  expect(b?.sent).toEqual([]);
  expect(c?.sent).toEqual([message]);
  expect(d?.sent).toEqual([]);
});

test('while more comes than a round takes away, the round goes on to its end at once', () => {
  const receivers = join('a', 'b', 'c', 'd');
  fanOut.add(broadcast());
  turn();
  fanOut.add(broadcast(300_000));
  turn();
  for (const { sent } of receivers) expect(sent.length).toBeGreaterThanOrEqual(1);
});
