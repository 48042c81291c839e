import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { count } from '../drawing.ts';
import { type Area, type Check, fail, ok, skipped, warn } from './check.ts';

const OLDEST_NODE = 20;
/** One gateway holds that many clients easily (docs/performance.md). */
const OPEN_FILES_OF_A_GATEWAY = 20_000;
const OUTGOING_PORTS_OF_A_FLEET = 20_000;
const WAITING_CONNECTIONS = 1_024;

/** Checks of this machine, for a gateway or for a simulated fleet. */
export async function machineArea(): Promise<Area> {
  return { title: 'This machine', checks: [nodeCheck(), openFilesCheck(), await portsCheck(), await backlogCheck()] };
}

function nodeCheck(): Check {
  const { node } = process.versions;
  const isNewEnough = Number(node.split('.')[0]) >= OLDEST_NODE;
  return isNewEnough
    ? ok('Node', node)
    : fail('Node', node, `Install Node ${OLDEST_NODE} or newer: https://nodejs.org`);
}

const report = z.object({
  userLimits: z.object({ open_files: z.object({ soft: z.union([z.number(), z.literal('unlimited')]) }) }),
});

function openFilesCheck(): Check {
  const parsed = report.safeParse(process.report.getReport());
  if (!parsed.success) return skipped('open files', 'the system does not report it', 'Look with ulimit -n.');
  const { soft } = parsed.data.userLimits.open_files;
  if (soft === 'unlimited') return ok('open files', 'no limit');
  const found = `${count(soft)}: a client is one`;
  return soft >= OPEN_FILES_OF_A_GATEWAY
    ? ok('open files', found)
    : warn(
        'open files',
        found,
        `For large fleets: ulimit -n ${OPEN_FILES_OF_A_GATEWAY}, or more (LimitNOFILE of a service).`,
      );
}

async function portsCheck(): Promise<Check> {
  const [first, last] = (await kernelNumbers('net/ipv4/ip_local_port_range')) ?? [];
  if (first === undefined || last === undefined) return notLinux('outgoing ports');
  const found = `${count(last - first + 1)} to one gateway`;
  return last - first >= OUTGOING_PORTS_OF_A_FLEET
    ? ok('outgoing ports', found)
    : warn('outgoing ports', found, 'For large simulated fleets: sysctl -w net.ipv4.ip_local_port_range="10000 65535"');
}

async function backlogCheck(): Promise<Check> {
  const [backlog] = (await kernelNumbers('net/core/somaxconn')) ?? [];
  if (backlog === undefined) return notLinux('connections waiting');
  return backlog >= WAITING_CONNECTIONS
    ? ok('connections waiting', `up to ${count(backlog)}`)
    : warn('connections waiting', `up to ${count(backlog)}`, 'For many at once: sysctl -w net.core.somaxconn=4096');
}

async function kernelNumbers(name: string): Promise<number[] | undefined> {
  const text = await readFile(`/proc/sys/${name}`, 'utf8').catch(() => undefined);
  return text?.trim().split(/\s+/).map(Number);
}

const notLinux = (name: string): Check => skipped(name, 'known only on Linux', 'Gateways run on Linux: look there.');
