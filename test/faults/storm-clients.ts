// A part of a crowd (storm-crowd.ts) as a process of its own: with the given users and gateways, it keeps its clients connected.
// Told to move, each client connects to the other gateway while its old connection is still open, as a phone does whose
// network comes back, and does not make the old one anew.
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { Wire } from './wire.ts';

const order = z.object({
  first: z.number(),
  count: z.number(),
  ports: z.array(z.number()),
  token: z.string(),
  features: z.array(z.string()).optional(),
});
const move = z.object({ moveTo: z.number() });
const chat = z.looseObject({ chat_content: z.string() });
/** As the client library: a random part of the first second, so that not all come in the same millisecond. */
const COMEBACK_MS = 1_000;
const CONNECTING_AT_ONCE = 200;

const { first, count, token, features, ...given } = order.parse(JSON.parse(process.argv[2] ?? ''));
let { ports } = given;
let moves = 0;
let isOver = false;
/** Verified connections, by port. */
const connected = new Map<number, number>();
const contents = new Set<string>();
let received = 0;

async function keep(i: number): Promise<void> {
  const since = moves;
  for (let attempt = i; !isOver && since === moves; attempt += 1) {
    const closed = await stay(`storm-${first + i}`, ports[attempt % ports.length] ?? 0);
    await closed;
    await comeback();
  }
}

/** Resolves with the end of the connection, once it is verified or refused. */
async function stay(user: string, port: number): Promise<Promise<void>> {
  let close: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    close = resolve;
  });
  const wire = new Wire(port, ({ body }) => take(body), close);
  if ((await wire.verify(user, token, features)) === undefined) return closed;
  add(port, 1);
  return closed.then(() => add(port, -1));
}

function add(port: number, by: number): void {
  connected.set(port, (connected.get(port) ?? 0) + by);
}

function take(body: unknown): void {
  const { success, data } = chat.safeParse(body);
  if (!success) return;
  received += 1;
  contents.add(data.chat_content);
}

const comeback = () => setTimeout(Math.random() * COMEBACK_MS);

// Whoever counts may be gone: "disconnect" ends us.
setInterval(() => {
  process.send?.({ connected: [...connected], received, contents: contents.size }, () => undefined);
}, 20);
process.on('disconnect', () => {
  isOver = true;
  process.exit(0);
});
process.on('message', (text) => {
  ports = [move.parse(text).moveTo];
  moves += 1;
  for (let i = 0; i < count; i += 1) void comeback().then(() => keep(i));
});
for (let i = 0; i < count; i += CONNECTING_AT_ONCE) {
  const target = Math.min(count, i + CONNECTING_AT_ONCE);
  for (let j = i; j < target; j += 1) void keep(j);
  while ([...connected.values()].reduce((sum, some) => sum + some, 0) < target * 0.9) await setTimeout(5);
}
