import { acknowledges, type ConformanceCase, messageBody, NotApplicable, type Stage } from './case.ts';
import { type Device, frameOf, Violation } from './device.ts';

/** Short, so that heartbeats come soon: the interval is a third of it. */
const HEARTBEAT_TIMEOUT_MS = 600;
const RECONNECT_AFTER_MS = 300;
/** Tolerance for early timers and the network. */
const EARLY_MS = 20;
/** Number of connections within 1.5 s that proves that there is no growing pause. */
const STORM = 40;

/** Commands of a newer server, and unexpected answers: the device ignores them, and the connection stays. */
const passedOver = (title: string, frame: () => Buffer): ConformanceCase => ({
  title,
  clause: 'Commands',
  needs: ['ack'],
  run: async (stage) => {
    const device = await stage.verified();
    const id = stage.gateway.nextId();
    device.raw(Buffer.concat([frame(), frameOf(102, messageBody(id))]));
    await acknowledges(device, stage, [id], 'the message behind it');
  },
});

async function returnsAfter(stage: Stage, reason: string, reconnectAfterMs: number): Promise<void> {
  await stage.fresh();
  const saidAtMs = performance.now();
  await stage.gateway.dismiss(reason, reconnectAfterMs);
  const next = await stage.gateway.admit(stage.returnMs);
  const waitedMs = next.openedAtMs - saidAtMs;
  if (waitedMs < reconnectAfterMs - EARLY_MS) {
    throw new Violation(
      `expected it to wait ${reconnectAfterMs} ms (reconnect_after_ms) after "${reason}"; it came back after ${Math.round(waitedMs)} ms`,
    );
  }
}

const comesBack = (reason: string): ConformanceCase => ({
  title: `a goodbye "${reason}": it waits reconnect_after_ms and comes back`,
  clause: 'Why a connection ends',
  needs: ['goodbye'],
  run: (stage) => returnsAfter(stage, reason, RECONNECT_AFTER_MS),
});

async function beats(device: Device, count: number): Promise<void> {
  const withinMs = (count * HEARTBEAT_TIMEOUT_MS) / 3 + HEARTBEAT_TIMEOUT_MS / 2;
  const expected = `${count} heartbeats, at most ${HEARTBEAT_TIMEOUT_MS / 3} ms apart (a third of heartbeat_timeout_ms)`;
  await device.until(() => device.heartbeats.length >= count, withinMs, expected);
}

/** From the first byte to the last. */
export const connectionCases: readonly ConformanceCase[] = [
  {
    title: 'the first frame is a verify with phone_number and token',
    clause: 'Verify',
    run: async (stage) => void (await stage.verified()),
  },
  {
    title: 'nothing is sent before the verdict, but heartbeats',
    clause: 'The life of a connection',
    run: async (stage) => {
      const device = await stage.unverified();
      await stage.gateway.readVerify(device);
      await device.during(300);
      const [early] = device.unread();
      device.write(101, stage.gateway.verdict());
      device.answersHeartbeats = stage.gateway.has('pong');
      stage.gateway.current = device;
      if (early)
        throw new Violation(`expected it to wait for 101; it sent command ${early.commandId}, which is dropped`);
    },
  },
  {
    title: 'the verdict byte by byte',
    clause: 'Verify',
    run: async (stage) => {
      const device = await stage.unverified();
      await stage.gateway.readVerify(device);
      await device.pieces([...frameOf(101, stage.gateway.verdict())].map((byte) => Buffer.of(byte)));
      device.answersHeartbeats = stage.gateway.has('pong');
      stage.gateway.current = device;
      await device.during(100);
      if (device.isClosed) throw new Violation('expected it to stay after a verdict that came byte by byte; it closed');
    },
  },
  {
    title: 'a verdict with members that it does not know',
    clause: 'Verify',
    run: async (stage) => {
      const device = await stage.fresh({
        newer: { a: [1] },
        features: [...(stage.gateway.verify?.features ?? []), 'newer'],
      });
      await device.during(100);
      if (device.isClosed) throw new Violation('expected it to pass over members that it does not know; it closed');
    },
  },
  {
    title: 'three messages of its mailbox, in one piece with the verdict',
    clause: 'The life of a connection',
    needs: ['ack'],
    run: async (stage) => {
      const device = await stage.unverified();
      await stage.gateway.readVerify(device);
      const ids = [1, 2, 3].map(() => stage.gateway.nextId());
      const verdict = frameOf(101, stage.gateway.verdict());
      device.raw(Buffer.concat([verdict, ...ids.map((id) => frameOf(102, messageBody(id)))]));
      device.answersHeartbeats = stage.gateway.has('pong');
      stage.gateway.current = device;
      await acknowledges(device, stage, ids, 'the messages behind the verdict');
    },
  },
  passedOver('a command that it does not know (199)', () => frameOf(199, { newer: true })),
  passedOver('an unknown command without a body', () => frameOf(198)),
  passedOver('an unknown command whose body is not JSON', () => frameOf(197, '\u0000\u0001 not JSON')),
  passedOver('a command beyond all ranges (4000000000)', () => frameOf(4_000_000_000, {})),
  passedOver('a heartbeat reply (105) that it did not wait for', () => frameOf(105)),
  passedOver('a receipt (110) for a ref that it does not know', () => frameOf(110, { ref: 'nobody', id: '1' })),
  passedOver('a refusal (111) with an error that it does not know', () =>
    frameOf(111, { error: 'newer', message: 'x', ref: 'nobody' }),
  ),
  passedOver('a refusal (111) without a ref', () => frameOf(111, { error: 'malformed', message: 'x' })),
  {
    title: 'messages are acknowledged in the order in which they came',
    clause: 'Messages with ack',
    needs: ['ack'],
    run: async (stage) => {
      const device = await stage.verified();
      const ids = Array.from({ length: 10 }, () => stage.gateway.nextId());
      for (const id of ids) device.write(102, messageBody(id));
      await acknowledges(device, stage, ids, 'ten messages');
      const order = device.acknowledged.filter((id) => ids.includes(id));
      if (order.join() !== ids.join()) throw new Violation(`expected the order ${ids.join()}; it was ${order.join()}`);
    },
  },
  {
    title: 'three hundred messages at once, 256 ids in an acknowledgement at most',
    clause: 'Messages with ack',
    needs: ['ack'],
    run: async (stage) => {
      const device = await stage.verified();
      const ids = Array.from({ length: 300 }, () => stage.gateway.nextId());
      device.raw(Buffer.concat(ids.map((id) => frameOf(102, messageBody(id)))));
      await acknowledges(device, stage, ids, 'all three hundred');
    },
  },
  {
    title: 'an id that is no exact number (2^53 + 1) is kept as text',
    clause: 'Messages with ack',
    needs: ['ack'],
    run: async (stage) => {
      const device = await stage.verified();
      device.write(102, messageBody('9007199254740993'));
      await acknowledges(device, stage, ['9007199254740993'], 'the id to its last digit');
    },
  },
  {
    title: 'a message that comes twice is acknowledged twice',
    clause: 'Messages with ack',
    needs: ['ack'],
    run: async (stage) => {
      const device = await stage.verified();
      const id = stage.gateway.nextId();
      device.write(102, messageBody(id));
      await acknowledges(device, stage, [id], 'the message');
      device.acknowledged.length = 0;
      device.write(102, messageBody(id));
      await acknowledges(device, stage, [id], 'the same message, again: the first acknowledgement may have been lost');
    },
  },
  {
    title: 'a message that comes again on the next connection is acknowledged there',
    clause: 'Messages with ack',
    needs: ['ack'],
    run: async (stage) => {
      const first = await stage.verified();
      const id = stage.gateway.nextId();
      first.write(102, messageBody(id));
      await acknowledges(first, stage, [id], 'the message');
      const second = await stage.fresh();
      second.write(102, messageBody(id));
      await acknowledges(second, stage, [id], 'the same message on the next connection');
    },
  },
  {
    title: 'a message that asks is replied to with its ask',
    clause: 'Messages that ask',
    needs: ['ack'],
    run: async (stage) => {
      const device = await stage.verified();
      device.unread();
      const id = stage.gateway.nextId();
      device.write(102, { ...messageBody(id, 'are you there?'), ask: id });
      await acknowledges(device, stage, [id], 'the message that asks: a reply does not acknowledge');
      await device.during(200);
      const reply = device.unread().find(({ commandId }) => commandId === 7);
      if (reply === undefined) throw new NotApplicable('it replies to nothing');
      const body = JSON.parse(reply.body) as { ask?: unknown; reply?: unknown } | null;
      if (body?.ask !== id) throw new Violation(`expected a reply with "ask": "${id}"; it was ${reply.body}`);
      if (!('reply' in body)) throw new Violation(`expected a reply with the member "reply"; it was ${reply.body}`);
    },
  },
  {
    title: 'a heartbeat at least every third of heartbeat_timeout_ms',
    clause: 'Timing',
    needs: ['pong'],
    run: async (stage) => beats(await stage.fresh({ heartbeat_timeout_ms: HEARTBEAT_TIMEOUT_MS }), 3),
  },
  {
    title: 'messages go on between heartbeats',
    clause: 'Timing',
    needs: ['pong', 'ack'],
    run: async (stage) => {
      const device = await stage.fresh({ heartbeat_timeout_ms: HEARTBEAT_TIMEOUT_MS });
      await beats(device, 1);
      const id = stage.gateway.nextId();
      device.write(102, messageBody(id));
      await acknowledges(device, stage, [id], 'a message between heartbeats');
      await beats(device, 2);
    },
  },
  {
    title: 'a server that is silent for three heartbeats is left, and sought again',
    clause: 'Timing',
    needs: ['pong'],
    run: async (stage) => {
      const device = await stage.fresh({ heartbeat_timeout_ms: HEARTBEAT_TIMEOUT_MS });
      device.answersHeartbeats = false;
      if (!(await device.isGone(3 * HEARTBEAT_TIMEOUT_MS + stage.patienceMs))) {
        throw new Violation('expected it to close after three heartbeats without a byte from the server; it stayed');
      }
      stage.gateway.current = undefined;
      await stage.gateway.admit(stage.returnMs);
    },
  },
  ...['draining', 'rebalanced', 'kicked', 'slow_reader', 'a_reason_of_a_newer_server'].map(comesBack),
  {
    title: 'a goodbye and the end in one piece',
    clause: 'Why a connection ends',
    needs: ['goodbye'],
    run: async (stage) => {
      const device = await stage.fresh();
      device.socket.end(frameOf(112, { reason: 'draining', reconnect_after_ms: RECONNECT_AFTER_MS }));
      stage.gateway.current = undefined;
      await stage.gateway.admit(stage.returnMs);
    },
  },
  {
    title: 'a connection that breaks without a word: it comes back',
    clause: 'Timing',
    run: async (stage) => {
      const device = await stage.fresh();
      device.socket.resetAndDestroy();
      stage.gateway.current = undefined;
      await stage.gateway.admit(stage.returnMs);
    },
  },
  {
    title: 'a connection that ends before the verdict: it comes back, and verifies again',
    clause: 'Timing',
    run: async (stage) => {
      const device = await stage.unverified();
      await stage.gateway.readVerify(device);
      device.socket.destroy();
      await stage.gateway.admit(stage.returnMs);
    },
  },
  {
    title: 'connections that break at once: it does not come back in a storm',
    clause: 'Timing',
    run: async (stage) => {
      await stage.verified();
      await stage.gateway.dismiss();
      const before = stage.gateway.connections;
      const deadline = performance.now() + 1_500;
      while (performance.now() < deadline) {
        const device = await stage.gateway.arrival(deadline - performance.now());
        device?.socket.destroy();
      }
      const count = stage.gateway.connections - before;
      if (count > STORM) throw new Violation(`expected growing pauses; it connected ${count} times in 1.5 s`);
      await stage.gateway.admit(stage.returnMs);
    },
  },
];

/** The ways in which a device ends for good. One of them is the last case of a run; another one needs a restart of the device. */
const staysAway = (reason: string): ConformanceCase => ({
  title: `a goodbye "${reason}": it does not come back by itself`,
  clause: 'Why a connection ends',
  needs: ['goodbye'],
  isLast: true,
  run: async (stage) => {
    await stage.verified();
    await stage.gateway.dismiss(reason, 1);
    if ((await stage.gateway.arrival(1_500)) !== undefined) {
      throw new Violation(`expected it to stay away after "${reason}"; it came back`);
    }
  },
});

export const lastCases: Readonly<Record<string, ConformanceCase>> = {
  taken_over: staysAway('taken_over'),
  logged_out: staysAway('logged_out'),
  refused: {
    title: 'a token that is refused (code 0) is not tried again and again',
    clause: 'Verify',
    isLast: true,
    run: async (stage) => {
      await stage.gateway.dismiss();
      const device = await stage.unverified();
      await stage.gateway.readVerify(device);
      let count = 1;
      device.write(101, { code: 0 });
      const deadline = performance.now() + 1_500;
      while (!device.isClosed && performance.now() < deadline) {
        await device.during(50);
        for (const { commandId } of device.unread()) {
          if (commandId !== 1) continue;
          count += 1;
          device.write(101, { code: 0 });
        }
      }
      if (count > 5) throw new Violation(`expected five verifies on one connection at most; it sent ${count}`);
    },
  },
};
