/**
 * The kernel settings that belong to the task's own network namespace. Any other one (fs.file-max,
 * net.core.rmem_max, net.ipv4.tcp_mem, …) keeps the task from starting, without any earlier error.
 */
const NAMESPACED: ReadonlySet<string> = new Set([
  'net.core.somaxconn',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_max_syn_backlog',
  'net.ipv4.tcp_retries2',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_tw_reuse',
]);

/** A socket's own values go before these. */
const KEEPALIVE = /^net\.ipv4\.tcp_keepalive_(intvl|probes|time)$/;

/** Kernel settings by name, for example `{ 'net.core.somaxconn': 16384 }`. */
export type SystemControls = Readonly<Record<string, number | string>>;

/** A deep backlog for a reconnect storm. */
export const defaultSystemControls: SystemControls = { 'net.core.somaxconn': 16384 };

export function systemControlProblems(controls: SystemControls): string[] {
  return Object.keys(controls)
    .filter((name) => !NAMESPACED.has(name))
    .map((name) => {
      if (KEEPALIVE.test(name)) {
        return `The system control ${name} has no effect: the gateway sets TCP keepalive for each connection (the first probe after 120 s of silence, then ten in ten seconds). Leave it out.`;
      }
      return `The system control ${name} is not one that a Fargate task may set: use ${[...NAMESPACED].join(', ')}.`;
    });
}
