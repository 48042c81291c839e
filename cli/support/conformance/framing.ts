import { acknowledges, type ConformanceCase, messageBody } from './case.ts';
import { frameOf, headerOf, Violation } from './device.ts';

const SPLITS = [1, 4, 5, 8, 11, 12, 13] as const;

/** One message, cut into two segments. */
const splitCase = (at: number): ConformanceCase => ({
  title: `a message in two pieces, cut behind byte ${at}`,
  clause: 'A frame',
  needs: ['ack'],
  run: async (stage) => {
    const device = await stage.verified();
    const id = stage.gateway.nextId();
    const bytes = frameOf(102, messageBody(id));
    await device.pieces([bytes.subarray(0, at), bytes.subarray(at)]);
    await acknowledges(device, stage, [id], 'a message that came in two pieces');
  },
});

/** A length that no frame can have: the device closes, because the rest of the stream cannot be parsed, and reconnects. */
const hangUpCase = (length: number): ConformanceCase => ({
  title: `a header of length ${length}: it hangs up and comes back`,
  clause: 'A frame',
  run: async (stage) => {
    const device = await stage.fresh();
    device.raw(headerOf(length));
    if (!(await device.isGone(stage.patienceMs))) {
      throw new Violation(`expected it to close after a header of length ${length}; it did not`);
    }
    stage.gateway.current = undefined;
    await stage.gateway.admit(stage.returnMs);
  },
});

/** TCP may split a stream anywhere. */
export const framingCases: readonly ConformanceCase[] = [
  ...SPLITS.map(splitCase),
  {
    title: 'a message byte by byte',
    clause: 'A frame',
    needs: ['ack'],
    run: async (stage) => {
      const device = await stage.verified();
      const id = stage.gateway.nextId();
      const bytes = frameOf(102, messageBody(id));
      await device.pieces([...bytes].map((byte) => Buffer.of(byte)));
      await acknowledges(device, stage, [id], 'a message that came byte by byte');
    },
  },
  ...[2, 20].map(
    (count): ConformanceCase => ({
      title: `${count} messages in one piece`,
      clause: 'A frame',
      needs: ['ack'],
      run: async (stage) => {
        const device = await stage.verified();
        const ids = Array.from({ length: count }, () => stage.gateway.nextId());
        device.raw(Buffer.concat(ids.map((id) => frameOf(102, messageBody(id)))));
        await acknowledges(device, stage, ids, `all ${count} messages`);
      },
    }),
  ),
  {
    title: 'a message and a half, then the rest',
    clause: 'A frame',
    needs: ['ack'],
    run: async (stage) => {
      const device = await stage.verified();
      const ids = [stage.gateway.nextId(), stage.gateway.nextId()];
      const bytes = Buffer.concat(ids.map((id) => frameOf(102, messageBody(id))));
      const at = Math.floor(bytes.length * 0.75);
      await device.pieces([bytes.subarray(0, at), bytes.subarray(at)]);
      await acknowledges(device, stage, ids, 'both messages');
    },
  },
  {
    title: 'a frame as large as its announced limit',
    clause: 'A frame',
    needs: ['ack'],
    run: async (stage) => {
      const device = await stage.verified();
      const id = stage.gateway.nextId();
      const empty = frameOf(102, messageBody(id, '')).length;
      device.raw(frameOf(102, messageBody(id, 'x'.repeat(stage.gateway.limit - empty))));
      await acknowledges(device, stage, [id], `a frame of ${stage.gateway.limit} bytes`);
    },
  },
  ...(['in one piece', 'in many pieces'] as const).map(
    (how): ConformanceCase => ({
      title: `a frame that is too large, ${how}: skipped, the connection stays`,
      clause: 'A frame',
      needs: ['ack'],
      run: async (stage) => {
        const device = await stage.verified();
        if (stage.gateway.verify?.max_frame_bytes === undefined) return;
        const next = stage.gateway.nextId();
        const large = frameOf(102, messageBody('1', 'x'.repeat(stage.gateway.limit + 100)));
        const step = how === 'in one piece' ? large.length : 1 + Math.floor(large.length / 5);
        const parts = Array.from({ length: Math.ceil(large.length / step) }, (_, i) =>
          large.subarray(i * step, (i + 1) * step),
        );
        await device.pieces([...parts, frameOf(102, messageBody(next))]);
        await acknowledges(device, stage, [next], 'the message behind a frame that was too large');
      },
    }),
  ),
  ...[0, 11, 0xffffffff].map(hangUpCase),
];
