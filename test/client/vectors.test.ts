import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { Connection } from '../../sdk/client/connection.ts';
import { until } from '../kit/until.ts';
import { invalidHeaders, vectors } from '../vectors/vectors.ts';

/** Two ends of a TCP connection: what the client library is given, and the bare one. */
async function sockets(): Promise<{ ours: Socket; peer: Socket }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const address = server.address();
  const ours = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
  const [peer] = (await accepted) as [Socket];
  peer.setNoDelay(true);
  onTestFinished(() => {
    ours.destroy();
    peer.destroy();
    server.close();
  });
  return { ours, peer };
}

interface Read {
  readonly frames: string[];
  /** undefined: not ended; null: in an orderly way. */
  cause: Error | null | undefined;
}

function read(socket: Socket): Read {
  const seen: Read = { frames: [], cause: undefined };
  new Connection(socket, {
    heard: () => undefined,
    frame: (version, commandId, body) => seen.frames.push(`${version} ${commandId} ${body}`),
    ended: (cause) => (seen.cause = cause ?? null),
  });
  return seen;
}

const lines = vectors.map(({ version, command_id, body }) => `${version} ${command_id} ${body}`);
const stream = Buffer.concat(vectors.map(({ hex }) => Buffer.from(hex, 'hex')));

test.each([1, 7, 13, 4_096])(
  'the client library reads all vectors of the protocol page, in pieces of %i',
  async (size) => {
    const { ours, peer } = await sockets();
    const seen = read(ours);
    for (let at = 0; at < stream.length; at += size) {
      await new Promise((resolve) => peer.write(stream.subarray(at, at + size), resolve));
    }
    await until('all of them', () => seen.frames.length >= lines.length);
    expect(seen.frames).toEqual(lines);
  },
);

test('encodes each vector byte for byte', async () => {
  const { ours, peer } = await sockets();
  const connection = new Connection(ours, { heard: () => undefined, frame: () => undefined, ended: () => undefined });
  for (const { version, command_id, body } of vectors) connection.write(version, command_id, body);
  connection.end();
  expect((await buffer(peer)).toString('hex')).toBe(stream.toString('hex'));
});

// A server may send larger frames than it takes.
test.each(invalidHeaders.filter(({ name }) => !name.includes('65,537')))(
  'it reads nothing after a header of $name',
  async ({ hex }) => {
    const { ours, peer } = await sockets();
    const seen = read(ours);
    peer.write(Buffer.concat([stream, Buffer.from(hex, 'hex'), stream]));
    await until('the end', () => seen.cause !== undefined);
    expect(seen.frames).toEqual(lines);
    expect(seen.cause?.message).toContain('not this protocol');
  },
);
