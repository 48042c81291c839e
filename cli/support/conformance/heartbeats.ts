import { acknowledges, type ConformanceCase, messageBody } from './case.ts';
import { type Device, OverdueViolation, Violation } from './device.ts';

/** Short, so that heartbeats come soon: the interval is a third of it. */
const HEARTBEAT_TIMEOUT_MS = 600;

/** A device on a machine under load may be late once; one with a longer interval is late each time. */
const TRIES = 3;

async function onTime(run: () => Promise<void>): Promise<void> {
  let first: unknown;
  for (let tries = 1; ; tries += 1) {
    try {
      return await run();
    } catch (error) {
      first ??= error;
      if (tries === TRIES || !(error instanceof OverdueViolation)) throw first;
    }
  }
}

async function beats(device: Device, count: number): Promise<void> {
  const withinMs = (count * HEARTBEAT_TIMEOUT_MS) / 3 + HEARTBEAT_TIMEOUT_MS / 2;
  const expected = `${count} heartbeats, at most ${HEARTBEAT_TIMEOUT_MS / 3} ms apart (a third of heartbeat_timeout_ms)`;
  await device.until(() => device.heartbeats.length >= count, withinMs, expected);
}

export const heartbeatCases: readonly ConformanceCase[] = [
  {
    title: 'a heartbeat at least every third of heartbeat_timeout_ms',
    clause: 'Timing',
    needs: ['pong'],
    run: (stage) => onTime(async () => beats(await stage.fresh({ heartbeat_timeout_ms: HEARTBEAT_TIMEOUT_MS }), 3)),
  },
  {
    title: 'messages go on between heartbeats',
    clause: 'Timing',
    needs: ['pong', 'ack'],
    run: (stage) =>
      onTime(async () => {
        const device = await stage.fresh({ heartbeat_timeout_ms: HEARTBEAT_TIMEOUT_MS });
        await beats(device, 1);
        const id = stage.gateway.nextId();
        device.write(102, messageBody(id));
        await acknowledges(device, stage, [id], 'a message between heartbeats');
        await beats(device, 2);
      }),
  },
  {
    title: 'a server that is silent for three heartbeats: it disconnects and connects again',
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
];
