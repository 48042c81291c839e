import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { memoisedJoin, Outbox } from '../../gateway/delivery/outbox.ts';
import { Notice, type Outgoing } from '../../gateway/session/messages.ts';
import type { OutboxOwner } from '../../gateway/session/outbox-port.ts';
import { until } from '../kit/until.ts';

interface Pair {
  near: Socket & { unsentBytes(): number };
  far: Socket;
  /** Bytes that the far side has read. */
  received(): number;
}

async function socketPair(): Promise<Pair> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP listener has an address');
  const far = connect(address.port, '127.0.0.1');
  const [near] = (await once(server, 'connection')) as [Socket];
  server.close();
  let bytes = 0;
  far.on('data', (chunk) => {
    bytes += chunk.length;
  });
  onTestFinished(() => {
    near.destroy();
    far.destroy();
  });
  return { near: Object.assign(near, { unsentBytes: () => near.writableLength }), far, received: () => bytes };
}

class Owner implements OutboxOwner {
  readonly form = 'plain';
  written: Outgoing[] = [];
  stalls = 0;
  caughtUp = 0;
  onWritten(items: readonly Outgoing[]): void {
    this.written.push(...items);
  }
  onStalled(): void {
    this.stalls += 1;
  }
  onCaughtUp(): void {
    this.caughtUp += 1;
  }
}

const item = (bytes = 100) => new Notice(1, 102, 'x'.repeat(bytes - 12));

/** These very items: two of the same bytes are not equal. */
function expectItems(actual: readonly Outgoing[], expected: readonly Outgoing[]): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, one] of actual.entries()) expect(one).toBe(expected[i]);
}

/** Gathers until the kernel takes no more; returns what was gathered. */
function fill(outbox: Outbox): Outgoing[] {
  const items: Outgoing[] = [];
  while (outbox.stalledSinceMs === 0) {
    const big = item(100_000);
    items.push(big);
    outbox.gather(big);
    outbox.flush(memoisedJoin(), 1);
  }
  return items;
}

test('messages of one turn are one write, in order', async () => {
  const { near, received } = await socketPair();
  const owner = new Owner();
  const outbox = new Outbox(near, owner);
  const items = [item(), item(), item()];
  expect(items.map((one) => outbox.gather(one))).toEqual([true, false, false]);
  expect(outbox.bytes).toBe(300);
  outbox.flush(memoisedJoin(), 1);
  expectItems(owner.written, items);
  expect([outbox.bytes, outbox.isEmpty, owner.caughtUp]).toEqual([0, true, 1]);
  await until('all has arrived', () => received() === 300);
});

test('bytes that the kernel does not take stay in the outbox, counted, and follow later', async () => {
  const { near, far, received } = await socketPair();
  far.pause();
  const owner = new Owner();
  const outbox = new Outbox(near, owner);
  const items = fill(outbox);
  const later = [item(300_000), item(300_000), item(300_000)];
  for (const one of later) outbox.gather(one);
  outbox.flush(memoisedJoin(), 2);
  expect(owner.written.length).toBeLessThan(items.length);
  expect(outbox.bytes).toBeGreaterThanOrEqual(900_000);
  expect([owner.stalls, outbox.isEmpty, outbox.stalledSinceMs]).toEqual([1, false, 1]);
  far.resume();
  await until('all is written', () => outbox.isEmpty);
  expectItems(owner.written, [...items, ...later]);
  expect([outbox.bytes, outbox.stalledSinceMs]).toEqual([0, 0]);
  await until('all has arrived', () => received() === items.length * 100_000 + 900_000);
});

test('a write is bounded, however much has been gathered, so that progress shows within one write', async () => {
  const { near } = await socketPair();
  const owner = new Owner();
  const outbox = new Outbox(near, owner);
  for (let i = 0; i < 100; i += 1) outbox.gather(item(100_000));
  const sizes: number[] = [];
  outbox.flush((items) => {
    const bytes = Buffer.concat(items.map((one) => one.frame('plain')));
    sizes.push(bytes.length);
    return bytes;
  }, 1);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(400_000);
  await until('all is written', () => outbox.isEmpty);
  expect(owner.written).toHaveLength(100);
});

test('messages taken back are in order, and none is reported written later', async () => {
  const { near, far } = await socketPair();
  far.pause();
  const owner = new Owner();
  const outbox = new Outbox(near, owner);
  const items = fill(outbox);
  const pending = item();
  outbox.gather(pending);
  const written = owner.written.length;
  expectItems(outbox.takeBack(), [...items.slice(written), pending]);
  expect([outbox.bytes, outbox.isEmpty]).toEqual([0, true]);
  // What comes after it waits for its own turn, not for that of the write before it.
  const next = item(5_000_000);
  let unsent = -1;
  owner.onWritten = (items) => {
    owner.written.push(...items);
    unsent = near.writableLength;
  };
  outbox.gather(next);
  outbox.flush(memoisedJoin(), 2);
  expect(owner.written).toHaveLength(written);
  far.resume();
  await until('the next is written', () => outbox.isEmpty);
  expectItems(owner.written.slice(written), [next]);
  expect(unsent).toBe(0);
});

test('messages whose write has not begun can be taken back in part', async () => {
  const { near } = await socketPair();
  const owner = new Owner();
  const outbox = new Outbox(near, owner);
  const [a, b, c] = [item(100), item(200), item(300)];
  for (const one of [a, b, c]) outbox.gather(one);
  expectItems(
    outbox.takeBackPending((one) => one === b),
    [b],
  );
  expect(outbox.bytes).toBe(400);
  outbox.flush(memoisedJoin(), 1);
  expectItems(owner.written, [a, c]);
  expectItems(
    outbox.takeBackPending(() => true),
    [],
  );
});

test('a closed socket takes no message, and loses none', async () => {
  const { near } = await socketPair();
  const owner = new Owner();
  const outbox = new Outbox(near, owner);
  near.destroy();
  const one = item();
  outbox.gather(one);
  outbox.flush(memoisedJoin(), 1);
  expectItems(owner.written, []);
  expectItems(outbox.takeBack(), [one]);
});

test('receivers of the same messages share one buffer; others do not get it', () => {
  const join = memoisedJoin();
  const [a, b] = [item(), item()];
  const first = join([a, b], 'plain');
  expect(join([a, b], 'plain')).toBe(first);
  expect(join([b, a], 'plain')).not.toBe(first);
  expect(join([a], 'plain')).toBe(a.frame());
  expect(join([a, b], 'ack')).toEqual(first);
});

/** A connection whose kernel is the test. */
function handOver(): { destroyed: boolean; writableLength: number; unsentBytes(): number; write(): void } {
  return { destroyed: false, writableLength: 0, unsentBytes: () => 0, write: () => undefined };
}

test('a flush of many outboxes starts all writes before it reads their results', () => {
  const owner = new Owner();
  const outbox = new Outbox(handOver(), owner);
  const items = [item(), item()];
  for (const one of items) outbox.gather(one);
  outbox.begin(memoisedJoin());
  expect(owner.written).toEqual([]);
  // The session ends before the flush comes to its end: what the kernel has is not put back.
  expect(outbox.takeBack()).toEqual([]);
  expectItems(owner.written, items);
});

test('unsent messages of a lost connection are not counted as written, and are taken back', () => {
  const owner = new Owner();
  const connection = handOver();
  const outbox = new Outbox(connection, owner);
  const items = [item(), item()];
  for (const one of items) outbox.gather(one);
  outbox.begin(memoisedJoin());
  connection.destroyed = true;
  outbox.finish(memoisedJoin(), 1);
  expect(owner.written).toEqual([]);
  expectItems(outbox.takeBack(), items);
});

test('a stalled reader that takes some bytes between two looks has made progress, and one that takes none has not', async () => {
  const { near, far } = await socketPair();
  far.pause();
  let unsent = 0;
  const outbox = new Outbox(Object.assign(near, { unsentBytes: () => unsent }), new Owner());
  unsent = 1_000;
  fill(outbox);
  expect([outbox.lastProgressMs(5), outbox.lastProgressMs(6)]).toEqual([1, 1]);
  unsent = 900;
  expect([outbox.lastProgressMs(7), outbox.lastProgressMs(8)]).toEqual([7, 7]);
  far.resume();
  await until('all is written', () => outbox.isEmpty);
  expect(outbox.lastProgressMs(9)).toBe(9);
});
