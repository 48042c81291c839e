// A part of the clients of storm.ts, as a process of its own: told whom to be and where, it keeps them connected.
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { Wire } from './wire.ts';

const order = z.object({ first: z.number(), count: z.number(), ports: z.array(z.number()), token: z.string() });
/** As the client library: a random part of the first second, so that not all come in the same millisecond. */
const COMEBACK_MS = 1_000;
const CONNECTING_AT_ONCE = 200;

const { first, count, ports, token } = order.parse(JSON.parse(process.argv[2] ?? ''));
let connected = 0;
let isOver = false;

async function keep(i: number): Promise<void> {
  const user = `storm-${first + i}`;
  for (let attempt = i; !isOver; attempt += 1) {
    const closed = await stay(user, ports[attempt % ports.length] ?? 0);
    await closed;
    await setTimeout(Math.random() * COMEBACK_MS);
  }
}

/** Resolves with the end of the connection, once it is verified or refused. */
async function stay(user: string, port: number): Promise<Promise<void>> {
  let close: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    close = resolve;
  });
  const wire = new Wire(port, () => undefined, close);
  if ((await wire.verify(user, token, ['goodbye'])) === undefined) return closed;
  connected += 1;
  return closed.then(() => {
    connected -= 1;
  });
}

// Whoever counts may be gone: "disconnect" ends us.
setInterval(() => process.send?.({ connected }, () => undefined), 20);
process.on('disconnect', () => {
  isOver = true;
  process.exit(0);
});
for (let i = 0; i < count; i += CONNECTING_AT_ONCE) {
  const target = Math.min(count, i + CONNECTING_AT_ONCE);
  for (let j = i; j < target; j += 1) void keep(j);
  while (connected < target * 0.9) await setTimeout(5);
}
