import { readFileSync } from 'node:fs';
import { ExitCode, Failure } from '../failure.ts';
import type { GatewayAddress } from '../gateway.ts';
import { isLoopback } from '../local-system.ts';
import { isLocalStore } from '../store.ts';

/** One process handles that many client objects without long pauses for garbage collection. */
const MAX_CLIENTS_PER_PROCESS = 15_000;
/** Open files of a process in addition to its clients. */
const OTHER_FILES = 500;
/** Outgoing ports to one address that are reserved for other programs of this machine. */
const SPARE_PORTS = 0.1;
const DEFAULT_PORTS = 28_232;

export function clientsOfAProcess(openFiles: number = openFileLimit()): number {
  return Math.max(1, Math.min(MAX_CLIENTS_PER_PROCESS, openFiles - OTHER_FILES));
}

function openFileLimit(): number {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } };
  const soft = Number(userLimits?.open_files?.soft);
  return soft > 0 ? soft : Number.POSITIVE_INFINITY;
}

/** Each connection uses an outgoing port, and their number to one address is limited. */
export function checkPorts(clients: number, addresses: number, ports: number = outgoingPorts()): void {
  const max = Math.floor(ports * (1 - SPARE_PORTS)) * addresses;
  if (clients <= max) return;
  throw new Failure(
    ExitCode.usage,
    `${clients} clients are more than this machine can connect to ${addresses} gateways: ${max}`,
    'Start more gateways (fronttcp dev --gateways N), or: sysctl -w net.ipv4.ip_local_port_range="10000 65535"',
  );
}

function outgoingPorts(): number {
  try {
    const [first = 0, last = 0] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/);
    return Number(last) - Number(first) + 1;
  } catch {
    return DEFAULT_PORTS;
  }
}

/** Prevents load on a deployment by mistake. `usesStore`: users are created in Redis too. */
export async function checkIsHere(
  addresses: readonly Pick<GatewayAddress, 'host' | 'port'>[],
  { what, usesStore, yes }: { what: string; usesStore: boolean; yes: boolean },
): Promise<void> {
  if (yes) return;
  const far = addresses.find(({ host }) => !isLoopback(host));
  const store = usesStore && !(await isLocalStore()) ? 'a Redis that is not on this machine' : undefined;
  const where = far === undefined ? store : `${far.host}:${far.port}`;
  if (where === undefined) return;
  throw new Failure(ExitCode.usage, `this would load ${where}: ${what}`, 'To do it anyway, add --yes.');
}
