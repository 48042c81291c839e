import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { CallTimeout, timeoutSignal } from '../../functions/runtime/drivers/failures.ts';

const TIMEOUT_MS = 200;

/** How long the last part of a timeout is. */
const LAST_LOOK_MS = 50;

/** An answer comes while the process is held up, from right after the last part of a timeout has begun until it is over. */
function holdUp(peer: Socket): void {
  const hold = () => {
    peer.write('answer');
    const end = performance.now() + TIMEOUT_MS;
    while (performance.now() < end);
  };
  let isHeld = false;
  const real = globalThis.setTimeout;
  const armed = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((run: () => void, ms: number) => {
    // Behind the reading of the sockets: timers are what comes next.
    if (ms === LAST_LOOK_MS && !isHeld) {
      isHeld = true;
      setImmediate(hold);
    }
    return real(run, ms);
  }) as typeof setTimeout);
  onTestFinished(() => armed.mockRestore());
}

test.each([
  { what: 'a call', bound: (call: Promise<unknown>) => new CallTimeout(TIMEOUT_MS).bound(call) },
  {
    what: 'a request with a signal',
    bound: (call: Promise<unknown>) => Promise.race([call, once(timeoutSignal(TIMEOUT_MS), 'abort')]),
  },
])('$what is not given up when its reply came while the process was suspended', async ({ bound }) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  const [peer] = (await once(server, 'connection')) as [Socket];
  holdUp(peer);
  const answer = bound(once(socket, 'data'));
  expect(await answer).toEqual([Buffer.from('answer')]);
});

test('each call is given up in its own time, the late one of two included', async () => {
  const timeout = new CallTimeout(TIMEOUT_MS);
  const never = () => new Promise<never>(() => undefined);
  const startedAt = performance.now();
  const first = timeout.bound(never()).catch(() => performance.now() - startedAt);
  const answered = timeout.bound(Promise.resolve('answer'));
  await sleep(TIMEOUT_MS / 2);
  const second = timeout.bound(never()).catch(() => performance.now() - startedAt);
  expect(await answered).toBe('answer');
  expect(await first).toBeGreaterThanOrEqual(TIMEOUT_MS - 1);
  expect(await second).toBeGreaterThanOrEqual(1.5 * TIMEOUT_MS - 1);
});
