/**
 * The kernel settings that belong to the task's own network namespace. Any other one (fs.file-max,
 * net.core.rmem_max, net.ipv4.tcp_mem, …) keeps the task from starting, without any earlier error.
 */
const NAMESPACED: ReadonlySet<string> = new Set([
  'net.core.somaxconn',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_max_syn_backlog',
  'net.ipv4.tcp_retries2',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_tw_reuse',
]);

/** Kernel settings by name, for example `{ 'net.core.somaxconn': 16384 }`. */
export type SystemControls = Readonly<Record<string, number | string>>;

/** A deep backlog for a reconnect storm; keepalive finds a peer that vanished before it ever sent a heartbeat. */
export const defaultSystemControls: SystemControls = {
  'net.core.somaxconn': 16384,
  'net.ipv4.tcp_keepalive_time': 120,
  'net.ipv4.tcp_keepalive_intvl': 30,
  'net.ipv4.tcp_keepalive_probes': 3,
};

export function systemControlProblems(controls: SystemControls): string[] {
  return Object.keys(controls)
    .filter((name) => !NAMESPACED.has(name))
    .map(
      (name) => `The system control ${name} is not one that a Fargate task may set: use ${[...NAMESPACED].join(', ')}.`,
    );
}
