// A server that sends back what it reads, in a process of its own so that its system calls, its limits and its memory can
// be tampered with. With `digests`, a client that begins with a "d" is sent the digest of what it sent instead.
// usage: node echo.ts node|native|<addon file> [digests]
// Prints "listens on <port>", and at the end of its input a line of JSON: what it has seen.
import { createHash } from 'node:crypto';
import type { Connection } from '../../../gateway/net/connection.ts';
import { loadBinding } from '../../../gateway/net/native-binding.ts';
import { NativeNetwork } from '../../../gateway/net/native-network.ts';
import { NodeNetwork } from '../../../gateway/net/node-network.ts';
import type { Network } from '../../../gateway/net/port.ts';

/** Over it the client is not read until it has taken what was sent back. */
const MAX_UNSENT_BYTES = 262_144;

const NOTHING = Buffer.alloc(0);
const DIGEST = 'd'.charCodeAt(0);

const [kind, mode] = process.argv.slice(2);
const seen = { accepted: 0, closed: 0, reads: 0, acceptErrors: 0, cpuMs: 0 };

function makeNetwork(): Network {
  if (kind === 'node') return new NodeNetwork(undefined);
  const found = loadBinding(kind === 'native' ? undefined : kind);
  if (found.state === 'absent') throw new Error(found.why);
  return new NativeNetwork(found.binding);
}

const network = makeNetwork();

function echo(connection: Connection): void {
  seen.accepted += 1;
  const hash = createHash('sha256');
  let wantsDigest: boolean | undefined;
  connection.events = {
    receive(chunk) {
      seen.reads += 1;
      wantsDigest ??= mode === 'digests' && chunk[0] === DIGEST;
      if (wantsDigest) return void hash.update(chunk);
      connection.write(Buffer.from(chunk));
      chunk.fill(0);
      if (connection.writableLength <= MAX_UNSENT_BYTES) return;
      connection.pause();
      connection.write(NOTHING, () => connection.resume());
    },
    onEnd: () => connection.end(wantsDigest ? Buffer.from(hash.digest('hex')) : undefined),
    onClosed() {
      seen.closed += 1;
    },
  };
}

const port = await network.listen(
  { host: '127.0.0.1', port: 0, backlog: 1_024, reusePort: false, keepAliveMs: 60_000, maxConnections: 100_000 },
  {
    mayAccept: () => true,
    onConnection: echo,
    onClosed: () => undefined,
    onDropped: () => undefined,
    onAcceptError() {
      seen.acceptErrors += 1;
    },
    onTlsError: () => undefined,
  },
);
console.log(`listens on ${port}`);
process.on('SIGUSR2', () => {
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ ...seen, cpuMs: Math.round((user + system) / 1_000) }));
});
process.on('SIGTERM', () => {
  // The process ends by itself if nothing is left open.
  network.stopAccepting();
});
