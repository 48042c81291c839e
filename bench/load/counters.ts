// The cost of measuring on the hot path: CPU time per message of what a delivery adds to the gateway's counters. argv: kind,
// seconds. Prints key=value.

import { Counters } from '../../gateway/observe/counters.ts';
import { Message } from '../../gateway/session/messages.ts';

const [kind = '', seconds] = process.argv.slice(2);
/** Between two looks at the clock. */
const TURN = 100_000;
/** As many are in flight at the same time. */
const MESSAGES = 1_024;

const head = { commandId: 102, version: 1_100, expiresAtMs: 0, flags: '', traceparent: '' };
const direct = new Message({ ...head, id: '0' }, '{}', 'direct');
const firstId = Date.now() * 1_024;
const stored = Array.from({ length: MESSAGES }, (_, i) => {
  const message = new Message({ ...head, id: String(firstId + i) }, '{}', 'inbox');
  return { message, ids: [message.head.id] };
});
const counters = new Counters();

const works: Readonly<Record<string, () => void>> = {
  none: () => each(() => undefined),
  direct: () => each((nowMs) => counters.wrote(direct, false, nowMs)),
  id: () => each((nowMs, { message }) => counters.wrote(message, false, nowMs)),
  acknowledged: () =>
    each((nowMs, { message, ids }) => {
      counters.wrote(message, true, nowMs);
      counters.acknowledge(ids, nowMs);
    }),
};

let checksum = 0;
function each(count: (nowMs: number, stored: { message: Message; ids: string[] }) => void): void {
  const nowMs = Date.now();
  for (let i = 0; i < TURN; i += 1) {
    const one = stored[i % MESSAGES];
    if (one === undefined) return;
    // Keeps the loop without counters from being optimised away.
    checksum += one.message.id & 1;
    count(nowMs, one);
  }
}

/** Returns the number of messages, and the CPU time, ns. */
function countFor(work: () => void, ms: number): { messages: number; nanoseconds: number } {
  const cpu = process.cpuUsage();
  const end = performance.now() + ms;
  let messages = 0;
  for (; performance.now() < end; messages += TURN) work();
  const { user, system } = process.cpuUsage(cpu);
  return { messages, nanoseconds: (user + system) * 1_000 };
}

const work = works[kind];
if (work === undefined) throw new Error(`no kind of message: ${kind}`);
countFor(work, 300);
const { messages, nanoseconds } = countFor(work, Number(seconds) * 1_000);
process.stdout.write(`ns=${(nanoseconds / messages).toFixed(2)} messages=${messages} checksum=${checksum}\n`);
