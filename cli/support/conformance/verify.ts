import { acknowledges, type ConformanceCase, messageBody } from './case.ts';
import { frameOf, Violation } from './device.ts';

/** Up to the 101, and the frames that come with it. */
export const verifyCases: readonly ConformanceCase[] = [
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
];
