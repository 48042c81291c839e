import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { timeoutSignal, withinTimeout } from '../../functions/runtime/drivers/failures.ts';

const TIMEOUT_MS = 200;

/** An answer comes while the process is held up, from right after the last part of a timeout has begun until it is over. */
function holdUp(peer: Socket): void {
  const hold = () => {
    peer.write('answer');
    const end = performance.now() + TIMEOUT_MS;
    while (performance.now() < end);
  };
  // Behind the reading of the sockets: timers are what comes next.
  setTimeout(() => setImmediate(hold), TIMEOUT_MS - 49);
}

test.each([
  { what: 'a call', bound: (call: Promise<unknown>) => withinTimeout(call, TIMEOUT_MS) },
  {
    what: 'a request with a signal',
    bound: (call: Promise<unknown>) => Promise.race([call, once(timeoutSignal(TIMEOUT_MS), 'abort')]),
  },
])('$what is not given up when its answer came while the process was held up', async ({ bound }) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  const [peer] = (await once(server, 'connection')) as [Socket];
  const answer = bound(once(socket, 'data'));
  holdUp(peer);
  expect(await answer).toEqual([Buffer.from('answer')]);
});
