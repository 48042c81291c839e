// The least that can be between the list `front_tcp` and clients: no sessions, no limits, no route, nothing kept. Takes
// any token, waits with BRPOP, takes up to 1,000 entries more with RPOP, and writes once per client and batch. What it
// has popped is lost when it dies. argv: port, Redis URL
import { createServer, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { encodeFrame, HEADER_BYTES } from '../../contract/wire/frame.ts';

const [port, url = ''] = process.argv.slice(2);
const clients = new Map<string, Socket>();
const redis = new Redis(url);

createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  // The generator's first write is its verify, whole; heartbeats are not looked at.
  socket.once('data', (bytes) => {
    const { phone_number } = JSON.parse(bytes.toString('utf8', HEADER_BYTES, bytes.readUInt32BE(0))) as Verify;
    clients.set(phone_number, socket);
    socket.write(encodeFrame(1, 101, '{"code": 1}'));
    socket.resume();
  });
}).listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });

interface Verify {
  phone_number: string;
}

interface Entry {
  command_id: number;
  chat_from: string;
  chat_to: string[];
  chat_content: string;
}

function deliver(entries: readonly string[]): void {
  const frames = new Map<Socket, Buffer[]>();
  for (const entry of entries) {
    const { command_id, chat_from, chat_to, chat_content } = JSON.parse(entry) as Entry;
    const frame = encodeFrame(1100, command_id, JSON.stringify({ chat_from, chat_content }));
    for (const user of chat_to) {
      const socket = clients.get(user);
      if (!socket) continue;
      const list = frames.get(socket);
      if (list) list.push(frame);
      else frames.set(socket, [frame]);
    }
  }
  for (const [socket, list] of frames) socket.write(list.length === 1 ? (list[0] ?? '') : Buffer.concat(list));
}

for (;;) {
  const first = await redis.brpop('front_tcp', 0);
  const more = await redis.rpop('front_tcp', 1_000);
  if (first) deliver([first[1], ...(more ?? [])]);
}
