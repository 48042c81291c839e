import { setTimeout } from 'node:timers/promises';
import { until } from '../kit/until.ts';
import { checkAddressees, checkDelivery, see } from './checks.ts';
import { type Form, History } from './history.ts';
import { Random } from './random.ts';
import { Receiver } from './receiver.ts';
import { HttpSender } from './senders.ts';
import { System } from './system.ts';

const FORMS: readonly Form[] = ['plain', 'ack', 'extended', 'ack', 'plain'];
const CALLERS = 6;
const PATIENCE = { timeoutMs: 60_000, everyMs: 50 };

/**
 * Redis stands still again and again, shorter than a lease and longer than a caller waits, under callers who take 503 for
 * what it says. What was in its hands at that moment was carried out or not: nothing that was refused may come when it
 * goes on, and all that was accepted has to. One recipient is away all the time.
 */
export async function runSilent({ pauses, seed = 1 }: { pauses: number; seed?: number }): Promise<string[]> {
  const random = new Random(seed);
  const system = await System.start({ cluster: false, gateways: 2 });
  const history = new History();
  try {
    const users = FORMS.map((form, i) => ({ id: `${form}-${i}`, form }));
    const names = users.map(({ id }) => id);
    for (const id of names) await system.createUser(id);
    await system.createUser('operator', 'operator');
    await system.untilReady();
    const parts = () => ({ system, history, random: random.fork(), receivers: names });
    const receivers = users.map(({ id, form }) => new Receiver(id, form, parts()));
    await Promise.all(receivers.slice(1).map((receiver) => receiver.connect()));
    const callers = Array.from(
      { length: CALLERS },
      (_, i) => new HttpSender(`caller-${i}`, 'operator', false, parts()),
    );
    for (const caller of callers) caller.start();
    for (let i = 0; i < pauses; i += 1) {
      await setTimeout(random.between(300, 700));
      const pause = history.broke('Redis stood still');
      system.redis.signal('SIGSTOP');
      await setTimeout(random.between(1_550, 1_950));
      pause.overAt = performance.now();
      system.redis.signal('SIGCONT');
    }
    const accepted = () => history.sends.filter(({ acceptedAt }) => acceptedAt !== undefined).length;
    const before = accepted();
    await until('commands are accepted again', () => accepted() > before + CALLERS, PATIENCE);
    await Promise.all(callers.map((caller) => caller.stop()));
    await receivers[0]?.connect();
    const marker = new HttpSender('marker', 'operator', true, parts());
    const marks = await marker.mark(names);
    const has = (user: string, content: string | undefined) =>
      history.received.some((received) => received.user === user && received.content === content);
    await until('the last message has come', () => names.every((user, i) => has(user, marks[i]?.content)), PATIENCE);
    const seen = see(history, new Map(users.map(({ id, form }) => [id, form])));
    const broken = [...history.violations, ...checkAddressees(seen), ...checkDelivery(seen)];
    if (!history.sends.some(({ refused }) => refused)) broken.push('nothing was refused');
    await Promise.all(receivers.map((receiver) => receiver.stop()));
    return broken;
  } finally {
    await system.stop();
  }
}
