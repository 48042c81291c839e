import { acknowledges, type ConformanceCase, messageBody, NotApplicable } from './case.ts';
import { frameOf, Violation } from './device.ts';

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

/** What arrives on a verified connection. */
export const messageCases: readonly ConformanceCase[] = [
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
];
