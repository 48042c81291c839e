import { z } from 'zod';
import { until } from '../kit/until.ts';
import { System } from './system.ts';
import { Wire } from './wire.ts';

const MESSAGES = 250;
const CONTENT_BYTES = 60_000;
const STILL_LOOKS = 4;
const message = z.object({ chat_content: z.string() });

/**
 * A plain client that stops reading, more for it than the kernel takes, and then its gateway is killed: what was not
 * handed to the kernel is in the inbox, and reaches it through another gateway.
 */
export async function runStalled(): Promise<string[]> {
  const system = await System.start({ cluster: false, gateways: 2 });
  try {
    await system.createUser('slow');
    await system.untilReady();
    const [first, second] = system.open;
    if (!first || !second) throw new Error('two gateways were asked for');
    const got: string[] = [];
    const take = ({ body }: { body: unknown }): void =>
      void got.push(message.parse(body).chat_content.split(' ')[0] ?? '');
    let isClosed = false;
    const stalled = new Wire(first.port, take, () => {
      isClosed = true;
    });
    await stalled.verify('slow', system.tokenOf('slow'), undefined);
    stalled.socket.pause();
    const filler = 'x'.repeat(CONTENT_BYTES);
    const contents = Array.from({ length: MESSAGES }, (_, i) => String(i));
    for (const content of contents) {
      const entry = { command_id: 102, chat_from: 'queue', chat_to: ['slow'], chat_content: `${content} ${filler}` };
      await system.admin.lpush(system.keys.queue, JSON.stringify(entry));
    }
    const [gatewayId] = await system.admin.hmget(system.keys.user('slow'), 'gateway');
    await until('the queue is taken', async () => (await system.admin.llen(system.keys.queue)) === 0);
    const left = () => system.admin.xlen(system.keys.inbox(gatewayId ?? ''));
    const stored = () => system.admin.zcard(system.keys.mailbox('slow'));
    let before = -1;
    let looks = 0;
    await until(
      'the gateway waits for its reader',
      async () => {
        const [entries, kept] = [await left(), await stored()];
        const now = entries * 1_000 + kept;
        looks = now === before ? looks + 1 : 0;
        before = now;
        // On a busy machine it may stand still because it has not begun.
        return entries < MESSAGES && looks >= STILL_LOOKS;
      },
      { timeoutMs: 60_000, everyMs: 300 },
    );
    await first.process.stop('SIGKILL');
    stalled.socket.resume();
    await until('the kernel has given what it had', () => isClosed);
    const again = new Wire(second.port, take, () => undefined);
    await until('the gateway is buried', async () => (await system.admin.zcard(system.keys.gateways)) === 1, {
      timeoutMs: 20_000,
    });
    await again.verify('slow', system.tokenOf('slow'), undefined);
    await until('the last one is there', () => got.includes(String(MESSAGES - 1)), { timeoutMs: 20_000 }).catch(
      () => undefined,
    );
    again.socket.destroy();
    const firsts = [...new Set(got)];
    const missing = contents.filter((content) => !firsts.includes(content));
    const broken = missing.length > 0 ? [`${missing.length} messages never came, the first of them ${missing[0]}`] : [];
    const isOrdered = firsts.every((content, i) => i === 0 || Number(content) > Number(firsts[i - 1]));
    return isOrdered ? broken : [...broken, 'they came out of order'];
  } finally {
    await system.stop();
  }
}
