import type { ConformanceCase, Stage } from './case.ts';
import { frameOf, Violation } from './device.ts';

const RECONNECT_AFTER_MS = 300;
/** Tolerance for early timers and the network. */
const EARLY_MS = 20;
/** Number of connections within 1.5 s that proves that there is no growing pause. */
const STORM = 40;

async function returnsAfter(stage: Stage, reason: string, reconnectAfterMs: number): Promise<void> {
  await stage.fresh();
  const goodbyeAtMs = performance.now();
  await stage.gateway.dismiss(reason, reconnectAfterMs);
  const next = await stage.gateway.admit(stage.returnMs);
  const waitedMs = next.openedAtMs - goodbyeAtMs;
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

/** How connections end, and when the device comes back. */
export const endingCases: readonly ConformanceCase[] = [
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
