// The clients of some attacks, as a process of its own: `node attacker.ts '<orders as JSON>'`. Told 'stop' it attacks no
// more and goes on reading; it ends with its parent.
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { encodeFrame } from '../../../contract/wire/frame.ts';
import { Wire, type WireFrame } from '../../faults/wire.ts';
import type { Order, Report } from './orders.ts';

const orders = JSON.parse(process.argv[2] ?? '[]') as Order[];
const reports: Record<string, Report> = {};
let isStopped = false;

const VERSION = 1100;
const FRAMES_PER_BURST = 256;
const CONNECTING_AT_ONCE = 200;
/** A connection that waits for so long was accepted with a frame of this size. */
const PROBE_MS = 1_500;

function frame(commandId: number, body: object): Buffer {
  return Buffer.from(encodeFrame(VERSION, commandId, JSON.stringify(body)));
}

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
const times = (count: number, bytes: Buffer) => Buffer.concat(Array.from({ length: count }, () => bytes));

/** What a flood writes again and again. */
function burstOf({ frames, user }: Extract<Order, { kind: 'flood' }>, idsPerFrame: number): Buffer {
  const large = 'x'.repeat(60_000);
  if (frames === 'many recipients') {
    return times(FRAMES_PER_BURST, frame(3, { chat_to: names('nobody', 1_000), chat_content: 'x', ref: 1 }));
  }
  if (frames === 'large to many') {
    return frame(3, { chat_to: names('row2', 1_000), chat_content: 'x'.repeat(45_000), ref: 1 });
  }
  if (frames === 'large') return frame(2, { chat_to: 'row8-absent', chat_content: large, ref: 1 });
  if (frames === 'small') return times(100, frame(2, { chat_to: 'row9-absent', chat_content: 'x', ref: 1 }));
  if (frames === 'verify') return times(100, frame(1, { phone_number: user, token: 'token' }));
  // As many as the largest frame holds.
  return frame(6, { ids: Array.from({ length: idsPerFrame }, (_, i) => String(i % 10)) });
}

/** As fast as the gateway reads. */
async function flood(order: Extract<Order, { kind: 'flood' }>, report: Report): Promise<void> {
  const take = ({ commandId }: WireFrame) => {
    if (commandId === 110) report.accepted += 1;
    else if (commandId === 111) report.refused += 1;
  };
  const wire = await verified(order, take, report);
  if (wire === undefined) return;
  let idsPerFrame = 16_000;
  if (order.frames === 'acknowledge') {
    wire.socket.write(burstOf(order, idsPerFrame));
    // The answer to a chat comes after the answer to that frame.
    wire.send(2, { chat_to: order.user, chat_content: 'x', ref: 1 });
    while (report.accepted === 0) await setTimeout(20);
    if (report.refused > 0) idsPerFrame = 256;
  }
  const burst = burstOf(order, idsPerFrame);
  while (!isStopped && !wire.socket.destroyed) {
    report.sent += 1;
    if (!wire.socket.write(burst)) await drained(wire.socket);
  }
}

/** Tries until the gateway has time for it. */
async function verified(
  { port, user }: { port: number; user: string },
  take: (frame: WireFrame) => void,
  report: Report,
): Promise<Wire | undefined> {
  while (!isStopped) {
    let isVerified = false;
    const wire = new Wire(port, take, () => {
      if (isVerified) report.closed += 1;
    });
    isVerified = (await wire.verify(user, 'token', ['receipts', 'errors', 'ack'])) !== undefined;
    if (isVerified) return wire;
  }
  return undefined;
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}

/** Connections that send most of a frame and never the rest, as large as it may be. */
async function unverified(order: Extract<Order, { kind: 'unverified' }>, report: Report): Promise<void> {
  const probe = openWithPart(order.port, 65_536, 0);
  await setTimeout(PROBE_MS);
  const frameBytes = probe.destroyed ? 8_192 : 65_536;
  report.accepted = frameBytes;
  const keep = (i: number): void => {
    if (isStopped) return;
    const socket = openWithPart(order.port, frameBytes, i);
    socket.on('close', () => {
      report.closed += 1;
      void setTimeout(1_000).then(() => keep(i));
    });
  };
  for (let i = 0; i < order.count; i += 1) {
    keep(i);
    if (i % CONNECTING_AT_ONCE === 0) await setTimeout(20);
  }
}

function openWithPart(port: number, frameBytes: number, i: number): Socket {
  const bytes = Buffer.alloc(frameBytes - 64, 'x');
  bytes.writeUInt32BE(frameBytes, 0);
  bytes.writeUInt32BE(VERSION, 4);
  bytes.writeUInt32BE(1, 8);
  const socket = connect({ host: '127.0.0.1', port, localAddress: `127.0.1.${1 + (i % 16)}` });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => socket.destroy());
  socket.write(bytes);
  return socket;
}

function wrongTokens(order: Extract<Order, { kind: 'wrong tokens' }>, report: Report): void {
  const guess = async (): Promise<void> => {
    while (!isStopped) {
      const wire = new Wire(
        order.port,
        () => undefined,
        () => undefined,
      );
      await wire.verify(order.user, 'wrong', undefined);
      report.refused += 1;
      await setTimeout(20);
    }
  };
  for (let i = 0; i < order.count; i += 1) void guess();
}

function idle(order: Extract<Order, { kind: 'idle' }>): void {
  const keep = (): void => {
    if (isStopped) return;
    const socket = connect({ host: '127.0.0.1', port: order.port });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => void setTimeout(100).then(keep));
  };
  for (let i = 0; i < order.count; i += 1) keep();
}

/** Honest plain clients that read all they are sent. */
function readers(order: Extract<Order, { kind: 'readers' }>, report: Report): void {
  for (const user of order.users) {
    const wire = new Wire(
      order.port,
      ({ commandId }) => {
        if (commandId === 102) report.received[user] = (report.received[user] ?? 0) + 1;
      },
      () => {
        report.closed += 1;
      },
    );
    void wire.verify(user, 'token', undefined);
  }
}

process.on('message', () => {
  isStopped = true;
});
process.on('disconnect', () => process.exit(0));
setInterval(() => process.send?.(reports, () => undefined), 100);
for (const order of orders) {
  const report: Report = { sent: 0, accepted: 0, refused: 0, closed: 0, received: {} };
  reports[order.name] = report;
  if (order.kind === 'flood') void flood(order, report);
  else if (order.kind === 'unverified') void unverified(order, report);
  else if (order.kind === 'wrong tokens') wrongTokens(order, report);
  else if (order.kind === 'idle') idle(order);
  else readers(order, report);
}
