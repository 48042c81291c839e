import { NODE_FLAGS } from '../../gateway/node-flags.ts';
import { gatewayProgram } from './bundles.ts';
import { type RunningProcess, startProcess } from './process.ts';

/**
 * A gateway in a process of its own, with the flags of a deployment, on free ports of 127.0.0.1: it can be killed, frozen
 * and watched from outside.
 */
export interface GatewayProcess {
  readonly process: RunningProcess;
  readonly port: number;
  readonly healthPort: number;
  /** The text of GET /metrics. Fails when it does not come in time. */
  metrics(timeoutMs?: number): Promise<string>;
  isReady(): Promise<boolean>;
}

interface GatewayProcessOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The checkout whose gateway it is; undefined: this one. */
  readonly cwd?: string;
  /** Default: the gateway of this repository, bundled; of another checkout, its sources. */
  readonly program?: string | undefined;
  /** JavaScript that runs in the process before the gateway. */
  readonly before?: string;
  /** The maximum number of files that the process may open. */
  readonly openFiles?: number | undefined;
}

/** Of a machine that does many things at once. */
const START_TIMEOUT_MS = 120_000;
const LISTENS = /gateway listens on \S+:(\d+), health on \S+:(\d+)/;

/** Starts a gateway and resolves when it listens; it need not be ready yet. */
export async function startGatewayProcess(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const { env, cwd, before, openFiles } = options;
  const file = options.program ?? (cwd === undefined ? await gatewayProgram() : 'gateway/main.ts');
  const hook = before === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(before)}`];
  const args = [...NODE_FLAGS, ...hook, file];
  const settings = {
    env: { GATEWAY_HOST: '127.0.0.1', GATEWAY_PORT: '0', HEALTH_PORT: '0', ...env },
    ...(cwd === undefined ? {} : { cwd }),
  };
  const program =
    openFiles === undefined
      ? startProcess(process.execPath, args, settings)
      : startProcess('sh', ['-c', `ulimit -n ${openFiles}; exec "$0" "$@"`, process.execPath, ...args], settings);
  const [, port, healthPort] = LISTENS.exec(await program.line(LISTENS, START_TIMEOUT_MS)) ?? [];
  const health = `http://127.0.0.1:${healthPort}`;
  return {
    process: program,
    port: Number(port),
    healthPort: Number(healthPort),
    metrics: async (timeoutMs = 60_000) =>
      (await fetch(`${health}/metrics`, { signal: AbortSignal.timeout(timeoutMs) })).text(),
    isReady: async () => (await fetch(`${health}/readyz`)).ok,
  };
}
