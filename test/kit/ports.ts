import { randomInt } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isFree } from '../../local/free-port.ts';
import { runFolder } from './run-folder.ts';

/** Below those of local/free-port.ts, which programs under test take: none of them gets a port that a test holds. */
const FIRST = 10_000;
const END = 13_000;
const ATTEMPTS = 1_000;
/** How far above its port a Redis of a cluster listens, too. */
const CLUSTER_BUS = 10_000;

/**
 * The first of `width` consecutive ports of 127.0.0.1 on which nobody listens, and that no other test of this run is given:
 * for a program that must be given its port, for one that binds it again later, or for an address that refuses connections.
 */
export async function reservePort(width = 1): Promise<number> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const first = randomInt(FIRST, END - width);
    const ports = Array.from({ length: width }, (_, i) => first + i);
    // First the reservation: a look binds the port for a moment, and must not do that to one that somebody else holds.
    if (!ports.every(reserve)) continue;
    const free = await Promise.all(ports.flatMap((port) => [isFree(port), isFree(port + CLUSTER_BUS)]));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`no free port of 127.0.0.1 was found between ${FIRST} and ${END}`);
}

function reserve(port: number): boolean {
  const folder = join(runFolder(), 'ports');
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(join(folder, String(port)), '', { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
