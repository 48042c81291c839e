import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Connection } from '../../gateway/net/connection.ts';
import { networks } from '../kit/addon.ts';
import { reservePort } from '../kit/ports.ts';
import { until } from '../kit/until.ts';
import { networkOf, reading, recorder } from './support/recorder.ts';

const MEGABYTE = 1_048_576;

/** Bytes of which every part is different. */
function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}

const digest = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');

describe.each(networks())('the network %s', (kind) => {
  test('carries bytes both ways, and knows address and counts', async () => {
    const { pair } = await recorder(kind);
    const { client, server } = await pair();
    const read = reading(client);
    client.write('to the server');
    await until('it is there', () => server.text === 'to the server');
    server.connection.write(Buffer.from('to the '));
    server.connection.write(Buffer.from('client'));
    expect(server.connection.writableLength).toBe(0);
    await until('it is there', () => read.text() === 'to the client');
    expect(server.connection).toMatchObject({
      remoteAddress: '127.0.0.1',
      bytesRead: 13,
      bytesWritten: 13,
      destroyed: false,
    });
  });

  test('takes IPv4 and IPv6 on ::', async () => {
    const { accepted, port } = await recorder(kind, { host: '::' });
    const clients = ['127.0.0.1', '::1'].map((host) => connect(port, host));
    await until('both are accepted', () => accepted.length === 2);
    expect(accepted.map(({ connection }) => connection.remoteAddress).sort()).toEqual(['::1', '::ffff:127.0.0.1']);
    for (const client of clients) client.destroy();
  });

  test('says that the port is taken, and shares it when asked to', async () => {
    const { port } = await recorder(kind);
    await expect(recorder(kind, { port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    const shared = await recorder(kind, { reusePort: true });
    expect((await recorder(kind, { reusePort: true, port: shared.port })).port).toBe(shared.port);
  });

  test('sends the writes of a turn with one flush: many sockets, one buffer and buffers of their own', async () => {
    const { network, accepted, port } = await recorder(kind);
    const clients = Array.from({ length: 1_500 }, () => connect(port, '127.0.0.1'));
    const reads = clients.map(reading);
    await until('all are accepted', () => accepted.length === clients.length);
    const shared = Buffer.from('for everyone;');
    for (const [i, { connection }] of accepted.entries()) {
      connection.write(shared);
      connection.write(Buffer.from(`for ${i};`));
    }
    // And once more, not in a row with the first two.
    for (const { connection } of accepted) connection.write(shared);
    network.flush();
    await until('everyone has it', () => reads.every(({ bytes }) => bytes >= 32));
    const texts = reads.map((read) => read.text()).sort();
    expect(texts).toEqual(accepted.map((_, i) => `for everyone;for ${i};for everyone;`).sort());
    for (const client of clients) client.resetAndDestroy();
    await until('all are closed', () => accepted.every(({ events }) => events.includes('close')));
  });

  test('reads a stream of single bytes in order', async () => {
    const { pair } = await recorder(kind);
    const { client, server } = await pair();
    const bytes = pattern(8_192);
    for (let at = 0; at < bytes.length; at += 1) {
      client.write(bytes.subarray(at, at + 1));
      if (at % 64 === 0) await new Promise(setImmediate);
    }
    await until('all is read', () => server.received.length === bytes.length);
    expect(digest(server.received)).toBe(digest(bytes));
  });

  test('zero window: what the kernel does not take is kept in order, and goes out when the client reads', async () => {
    const { pair } = await recorder(kind);
    const { client, server } = await pair();
    client.pause();
    const { connection } = server;
    const bytes = pattern(8 * MEGABYTE);
    let drained = 0;
    for (let at = 0; at < bytes.length; at += MEGABYTE) connection.write(bytes.subarray(at, at + MEGABYTE));
    connection.write(Buffer.alloc(0), () => {
      drained += 1;
      connection.end(Buffer.from('the end'));
    });
    await until('the kernel has enough', () => connection.bytesWritten > 0);
    expect(connection.writableLength).toBeGreaterThan(0);
    expect(drained).toBe(0);
    const read = reading(client);
    client.resume();
    await until('all is read', () => read.ended);
    expect(drained).toBe(1);
    expect(digest(Buffer.from(read.text(), 'latin1'))).toBe(digest(Buffer.concat([bytes, Buffer.from('the end')])));
    expect(connection.bytesWritten).toBe(bytes.length + 7);
    expect(connection.writableLength).toBe(0);
  });

  test('a paused connection reports nothing, neither bytes nor the end, until it is resumed', async () => {
    const { pair } = await recorder(kind);
    const { client, server } = await pair();
    const { connection } = server;
    server.onChunk = () => connection.pause();
    client.write('1');
    await until('the first is there', () => server.text === '1');
    const bytes = pattern(2 * MEGABYTE);
    client.end(bytes);
    // Another connection goes all the way in the meantime.
    const other = await pair();
    other.client.end('other');
    await until('the other is read to its end', () => other.server.events.includes('end'));
    expect(server.received.length).toBe(1);
    expect(server.events).toEqual([]);
    // It pauses again in every call; none comes in between.
    let calls = 0;
    let isIn = false;
    server.onChunk = () => {
      expect(isIn).toBe(false);
      isIn = true;
      calls += 1;
      connection.pause();
      setImmediate(() => {
        isIn = false;
        connection.resume();
      });
    };
    connection.resume();
    await until('all is read', () => server.events.includes('end'));
    expect(calls).toBeGreaterThan(1);
    expect(digest(server.received.subarray(1))).toBe(digest(bytes));
  });

  test('sees that a slow peer takes a part of one large write, and that it takes no more', async () => {
    const { pair } = await recorder(kind);
    const { client, server } = await pair();
    const { connection } = server;
    client.pause();
    connection.write(pattern(32 * MEGABYTE));
    expect(connection.writableLength).toBeGreaterThan(0);
    let before = -1;
    await until('the kernel takes no more', () => {
      const last = before;
      before = connection.unsentBytes();
      return before === last;
    });
    const read = reading(client);
    const stop = () => {
      if (read.bytes > 8 * MEGABYTE) client.pause();
    };
    client.on('data', stop).resume();
    await until('a part is read', () => client.isPaused());
    await until('progress is seen', () => connection.unsentBytes() < before);
    expect(connection.unsentBytes()).toBeGreaterThan(0);
    client.off('data', stop).resume();
    await until('all is read', () => read.bytes === 32 * MEGABYTE);
    expect(connection.unsentBytes()).toBe(0);
  });

  test('a half-closed peer still reads everything; the connection closes with our end', async () => {
    const { pair } = await recorder(kind);
    const { client, server } = await pair();
    const read = reading(client);
    client.end('question');
    await until('the end is events', () => server.events.includes('end'));
    expect(server.text).toBe('question');
    const bytes = pattern(4 * MEGABYTE);
    server.connection.write(bytes);
    await new Promise(setImmediate);
    expect(server.events).toEqual(['end']);
    server.connection.end(Buffer.from('end'));
    await until('it is closed', () => server.events.includes('close'));
    await until('all is read', () => read.ended);
    expect(read.bytes).toBe(bytes.length + 3);
    expect(server.events).toEqual(['end', 'close']);
    expect(server.connection.destroyed).toBe(true);
  });

  test('our end reaches the peer, and the connection closes with its end', async () => {
    const { pair } = await recorder(kind);
    const { client, server } = await pair();
    const read = reading(client);
    server.connection.end(Buffer.from('goodbye'));
    await until('the client reads the end', () => read.ended);
    expect(read.text()).toBe('goodbye');
    client.write('last words');
    await until('they are read', () => server.text === 'last words');
    expect(server.events).toEqual([]);
    client.end();
    await until('it is closed', () => server.events.includes('close'));
  });

  test('destroyed: nothing more is reported but one close, not from within the call', async () => {
    const { accepted, port } = await recorder(kind);
    const clients = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'));
    await until('all are accepted', () => accepted.length === clients.length);
    const closed = clients.map(closing);
    // Whoever is read first ends all the others, which have been read in the same turn.
    for (const recorded of accepted) {
      recorded.onChunk = () => {
        for (const other of accepted) if (other !== recorded) other.connection.destroy();
        recorded.connection.destroy();
        recorded.connection.destroy();
        expect(recorded.events).toEqual([]);
      };
    }
    for (const client of clients) client.write('now');
    await Promise.all(closed);
    await until('all are events', () => accepted.every(({ events }) => events.includes('close')));
    expect(accepted.filter(({ text }) => text === 'now')).toHaveLength(1);
    expect(accepted.map(({ events }) => events)).toEqual(accepted.map(() => ['close']));
  });

  test('a reset storm ends each connection once, and nobody else', async () => {
    const { accepted, port, pair } = await recorder(kind);
    const steady = await pair();
    for (let round = 0; round < 3; round += 1) {
      const clients = Array.from({ length: 200 }, () => connect(port, '127.0.0.1'));
      await until('all are accepted', () => accepted.length === 1 + (round + 1) * clients.length);
      for (const [i, client] of clients.entries()) {
        const server = accepted[1 + round * clients.length + i];
        // Some with bytes on their way to either side, some that nobody reads.
        if (i % 3 === 0) client.write(pattern(10_000));
        if (i % 3 === 1) server?.connection.write(pattern(3 * MEGABYTE));
        if (i % 4 === 0) server?.connection.pause();
        client.resetAndDestroy();
      }
      for (const { connection } of accepted.slice(1)) connection.resume();
      await until('all are closed', () => accepted.slice(1).every(({ events }) => events.includes('close')));
    }
    expect(accepted.slice(1).every(({ events }) => events.filter((event) => event === 'close').length === 1)).toBe(
      true,
    );
    const read = reading(steady.client);
    steady.server.connection.write(Buffer.from('still here'));
    steady.server.connection.end();
    await until('the steady one reads', () => read.text() === 'still here');
  });

  test('a write to a connection that was reset while nobody read it ends it', async () => {
    const { pair } = await recorder(kind);
    const { client, server } = await pair();
    server.connection.pause();
    client.resetAndDestroy();
    await until('it is closed', () => {
      server.connection.write(Buffer.from('anyone?'));
      return server.connection.writableLength === 0 && server.events.includes('close');
    });
    expect(server.connection.destroyed).toBe(true);
  });

  test('over maxConnections the next is closed; there is room again when one has closed', async () => {
    const { accepted, counts, port, pair } = await recorder(kind, { maxConnections: 2 });
    const [first] = [await pair(), await pair()];
    const third = connect(port, '127.0.0.1');
    await closing(third);
    expect(counts.dropped).toBe(1);
    expect(accepted).toHaveLength(2);
    first.client.destroy();
    await until('it is gone', () => {
      if (first.server.events.includes('end')) first.server.connection.end();
      return first.server.events.includes('close');
    });
    await pair();
  });

  test('a connection that may not be accepted is closed', async () => {
    const { accepted, port } = await recorder(kind, {}, { mayAccept: () => false });
    await closing(connect(port, '127.0.0.1'));
    expect(accepted).toHaveLength(0);
  });

  test('stopped: no connection is accepted, present ones stay', async () => {
    const { network, pair, port } = await recorder(kind, { port: await reservePort() });
    const { client, server } = await pair();
    network.stopAccepting();
    const late = connect(port, '127.0.0.1');
    await expect(once(late, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    client.write('still here');
    await until('it is read', () => server.text === 'still here');
    // The port can be had again.
    const next = createServer().listen(port, '127.0.0.1');
    await once(next, 'listening');
    next.close();
  });

  test('accepted sockets have TCP keepalive, with its idle time', async () => {
    const { pair, port } = await recorder(kind);
    await pair();
    const ofServer = readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(
        (columns) => columns[1]?.endsWith(port.toString(16).toUpperCase().padStart(4, '0')) && columns[3] === '01',
      );
    // Column 5 is the timer: 02 is keepalive; behind it the time until it fires, in jiffies.
    const [timer, when] = ofServer[0]?.[5]?.split(':') ?? [];
    expect(timer).toBe('02');
    expect(Number.parseInt(when ?? '', 16) / 100).toBeGreaterThan(100);
  });

  test('many rounds of connections leave nothing behind', async () => {
    const { accepted, port } = await recorder(kind);
    const before = openFiles();
    for (let round = 0; round < 5; round += 1) {
      const clients = Array.from({ length: 100 }, () => connect(port, '127.0.0.1'));
      const ended = clients.map(closing);
      await until('all are accepted', () => accepted.length === (round + 1) * clients.length);
      for (const { connection } of accepted) connection.destroy();
      await Promise.all(ended);
    }
    await until('all files are closed', () => openFiles() <= before + 5);
  });

  test('an unknown host is refused, and leaves nothing open', async () => {
    const network = networkOf(kind);
    const nobody = { onConnection: (_: Connection) => undefined } as never;
    const options = { port: 0, backlog: 1, reusePort: false, keepAliveMs: 1_000, maxConnections: 1 };
    await expect(network.listen({ ...options, host: '203.0.113.1' }, nobody)).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
    });
  });
});

/** Resolves when the client's side has closed, with or without an error. */
function closing(client: Socket): Promise<void> {
  return new Promise((resolve) => client.on('error', () => undefined).on('close', () => resolve()));
}

function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}
