import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { startChild } from '../support/child.ts';
import { installNpmPeers, peersFolder } from '../support/install.ts';
import { startOnFreePort } from '../support/on-free-port.ts';
import type { Protocol, Server } from './server.ts';

/** A server of a few lines around a library: bench/peers/<file>.mjs, run beside the installed library. */
function nodePeer(library: string, file: string, protocol: Protocol): Server {
  return {
    name: library,
    protocol,
    missing: installNpmPeers,
    async version() {
      const text = await readFile(`${peersFolder}/node_modules/${library}/package.json`, 'utf8');
      return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
    },
    async start({ serverCpus: cpus, niceness }) {
      const { port, pid, stop } = await startOnFreePort((port) =>
        startChild(process.execPath, [`${peersFolder}/${file}.mjs`, `${port}`], { cpus, niceness }),
      );
      return { port, pids: [pid], stop };
    },
  };
}

export const aedes = nodePeer('aedes', 'aedes', 'mqtt');
export const ws = nodePeer('ws', 'ws', 'ws');
export const socketIo = nodePeer('socket.io', 'socket-io', 'sio');
