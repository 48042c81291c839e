import { beforeEach, expect, test } from 'vitest';
import { ServerCommand } from '../../contract/wire/command-ids.ts';
import { encodeFrame } from '../../contract/wire/frame.ts';
import { chatBody } from '../../contract/wire/message.ts';
import { Broadcast } from '../../gateway/delivery/broadcast.ts';
import { TimeBudget } from '../../gateway/delivery/time-budget.ts';
import { Counters } from '../../gateway/observe/counters.ts';
import { Message } from '../../gateway/session/messages.ts';
import { Registry } from '../../gateway/session/registry.ts';
import type { Session } from '../../gateway/session/session.ts';

/** What a round touches of a session, and in which order it is sent things. */
class Receiver {
  readonly form = 'plain';
  readonly sent: Message[] = [];
  readonly isReplaying = false;
  broadcastCursor = -1;
  readonly outbox = {
    isEmpty: true,
    beginShared: () => undefined,
    finishShared: (items: readonly Message[]) => {
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

class OneStep extends TimeBudget {
  constructor() {
    super(1);
  }
  override isSpent(): boolean {
    return true;
  }
}

let registry: Registry;
let counters: Counters;
let broadcasts: Broadcast;
let asked: number;

beforeEach(() => {
  registry = new Registry();
  counters = new Counters();
  asked = 0;
  broadcasts = new Broadcast({
    registry,
    counters,
    schedule: () => (asked += 1),
    send: () => undefined,
    tail: { isOn: false },
  });
});

const broadcast = (bytes = 10) =>
  Message.broadcast(encodeFrame(1, ServerCommand.broadcast, chatBody('"a"', JSON.stringify('x'.repeat(bytes)))), 0);

function join(...names: string[]): Receiver[] {
  return names.map((name) => {
    const receiver = new Receiver(name);
    broadcasts.join(session(receiver));
    registry.add(session(receiver));
    return receiver;
  });
}

const session = (receiver: Receiver) => receiver as unknown as Session;
const turn = () => broadcasts.flush(0, new OneStep());

test('a round goes on where the time budget ended, and reaches everyone once', () => {
  const receivers = join('a', 'b', 'c');
  const message = broadcast();
  broadcasts.add(message);
  expect(asked).toBe(1);
  const turns: boolean[] = [];
  while (turns.at(-1) !== true) turns.push(turn());
  expect(turns.length).toBeGreaterThanOrEqual(3);
  for (const { sent } of receivers) expect(sent).toEqual([message]);
  expect(counters.deliveredBroadcast).toBe(3);
  expect(turn()).toBe(true);
});

test('messages during a round make the next one; a session with a message of its own gets both first', () => {
  const [a, b, c] = join('a', 'b', 'c');
  const first = broadcast();
  const second = broadcast();
  broadcasts.add(first);
  turn();
  expect(a?.sent).toEqual([first]);
  broadcasts.add(second);
  // c is yet to be reached by either.
  broadcasts.catchUp(session(c as Receiver));
  expect(c?.sent).toEqual([first, second]);
  broadcasts.catchUp(session(a as Receiver));
  expect(a?.sent).toEqual([first, second]);
  for (let turns = 0; !turn() && turns < 10; turns += 1);
  for (const receiver of [a, b, c]) expect(receiver?.sent).toEqual([first, second]);
});

test('sessions that begin during a round get nothing sent before, and those that end get nothing more', () => {
  const [, b, c] = join('a', 'b', 'c');
  const message = broadcast();
  broadcasts.add(message);
  turn();
  registry.remove(session(b as Receiver));
  const [d] = join('d');
  while (!turn());
  expect(b?.sent).toEqual([]);
  expect(c?.sent).toEqual([message]);
  expect(d?.sent).toEqual([]);
});

test('under more input than a round takes, the round still runs to its end', () => {
  const receivers = join('a', 'b', 'c', 'd');
  broadcasts.add(broadcast());
  turn();
  broadcasts.add(broadcast(300_000));
  turn();
  for (const { sent } of receivers) expect(sent.length).toBeGreaterThanOrEqual(1);
});
