import { z } from 'zod';
import { encodeFrame } from '../../contract/wire/frame.ts';
import { holdInboxes, releaseInboxes } from '../kit/hold-inboxes.ts';
import { until } from '../kit/until.ts';
import { type Gateway, System } from './system.ts';
import { Wire, type WireFrame } from './wire.ts';

const FEATURES = ['receipts', 'pong'];
/** More than the kernel takes for a client that does not read. */
const PUT_BACK = 200;
const PATIENCE = { timeoutMs: 30_000 };
const chat = z.object({ chat_content: z.string() });

type Frame = readonly [commandId: number, body: object | ''];

/**
 * Messages of one sender to one plain client on its own gateway: the earlier has to go through Redis, because a receipt was
 * asked for or it came from another gateway, and waits there; the later could be handed over directly. It must not be.
 */
export async function runOvertaking(): Promise<string[]> {
  const system = await System.start({ cluster: false, gateways: 2 });
  const wires: Wire[] = [];
  try {
    const [here, elsewhere] = system.open;
    if (!here || !elsewhere) throw new Error('two gateways were asked for');
    for (const id of ['receiver', 'sender', 'mover']) await system.createUser(id);
    await system.untilReady();
    const got: string[] = [];
    const take = ({ body }: WireFrame): void => void got.push(chat.parse(body).chat_content);
    const receiver = new Wire(here.port, take, () => undefined);
    wires.push(receiver);
    await receiver.verify('receiver', system.tokenOf('receiver'), undefined);

    const verified = async (userId: string, gateway: Gateway): Promise<Sender> => {
      const sender = new Sender(gateway);
      wires.push(sender.wire);
      await sender.wire.verify(userId, system.tokenOf(userId), FEATURES);
      return sender;
    };
    const sender = await verified('sender', here);
    const sent: string[] = [];
    const single = (content: string, ref?: string): Frame => {
      sent.push(content);
      return [2, { chat_to: 'receiver', chat_content: content, ref }];
    };
    const inboxesGoOn = async (): Promise<void> => {
      await releaseInboxes(system.admin);
      await until(`${sent.at(-1)} has come`, () => got.includes(sent.at(-1) ?? ''), PATIENCE);
    };

    await holdInboxes(system.admin);
    await sender.send(single('on its way to Redis', 'r1'), single('behind it, in one segment'));
    await inboxesGoOn();

    await holdInboxes(system.admin);
    await sender.send(single('in the inbox', 'r2'));
    await sender.accepted('r2');
    sent.push('behind it, to a group', 'behind it, to everyone');
    await sender.send(
      [3, { chat_to: ['receiver'], chat_content: 'behind it, to a group' }],
      [4, { chat_content: 'behind it, to everyone' }],
      single('behind it, to one'),
    );
    await inboxesGoOn();

    await holdInboxes(system.admin);
    const before = await verified('mover', elsewhere);
    await before.send(single('from another gateway', 'r3'));
    await before.accepted('r3');
    const after = await verified('mover', here);
    await after.send(single('from here, by the same user'));
    await inboxesGoOn();

    const isOrdered = sent.length === got.length && sent.every((content, i) => content === got[i]);
    const overtaken = isOrdered ? [] : [`sent: ${sent.join(' | ')}; came: ${got.join(' | ')}`];
    return [...overtaken, ...(await cutOffWhileFrozen(system, here, wires, sender))];
  } finally {
    for (const { socket } of wires) socket.destroy();
    await system.stop();
  }
}

/**
 * The receiver does not read, and loses its connection: what had come directly is put back into its mailbox among what had
 * come through Redis. What the kernel had taken is lost, at the beginning.
 */
async function cutOffWhileFrozen(system: System, here: Gateway, wires: Wire[], sender: Sender): Promise<string[]> {
  const text = 'x'.repeat(50_000);
  const got: number[] = [];
  const take = ({ commandId, body }: WireFrame): void => {
    if (commandId === 102) got.push(Number.parseInt(chat.parse(body).chat_content, 10));
  };
  await system.createUser('frozen');
  const frozen = new Wire(
    here.port,
    () => undefined,
    () => undefined,
  );
  wires.push(frozen);
  await frozen.verify('frozen', system.tokenOf('frozen'), undefined);
  frozen.socket.pause();
  for (let n = 0; n < PUT_BACK; n += 2) {
    const [directly, throughRedis] = [n, n + 1].map((i) => ({ chat_to: 'frozen', chat_content: `${i} ${text}` }));
    await sender.send([2, directly ?? {}], [2, { ...throughRedis, ref: `put back ${n}` }]);
    await sender.accepted(`put back ${n}`);
  }
  frozen.socket.destroy();
  const back = new Wire(here.port, take, () => undefined);
  wires.push(back);
  await back.verify('frozen', system.tokenOf('frozen'), undefined);
  await until('the newest has come', () => got.includes(PUT_BACK - 1), PATIENCE);
  const first = got[0] ?? 0;
  return got.every((n, i) => n === first + i) ? [] : [`put back: ${got.join(' ')}`];
}

class Sender {
  readonly wire: Wire;
  readonly #receipts = new Set<unknown>();
  #pongs = 0;

  constructor({ port }: Gateway) {
    const take = ({ commandId, body }: WireFrame): void => {
      if (commandId === 110) this.#receipts.add(z.object({ ref: z.string() }).parse(body).ref);
      if (commandId === 105) this.#pongs += 1;
    };
    this.wire = new Wire(port, take, () => undefined);
  }

  /** In one segment; resolves when the gateway has dealt with all of them. */
  async send(...frames: readonly Frame[]): Promise<void> {
    const before = this.#pongs;
    const all: readonly Frame[] = [...frames, [5, '']];
    const bytes = all.map(([commandId, body]) => encodeFrame(1100, commandId, body === '' ? '' : JSON.stringify(body)));
    this.wire.socket.write(Buffer.concat(bytes));
    await until('the frames are dealt with', () => this.#pongs > before, PATIENCE);
  }

  async accepted(ref: string): Promise<void> {
    await until(`${ref} is accepted`, () => this.#receipts.has(ref), PATIENCE);
  }
}
