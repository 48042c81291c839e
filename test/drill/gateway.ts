import { type RunningProcess, repository, startProcess } from '../kit/process.ts';

/** What SIGUSR2 does to a gateway of the drill: a fault that comes from inside the process. */
export type InnerFault = 'block' | 'jump';

const innerFaults: Readonly<Record<InnerFault, string>> = {
  // Two seconds, and then a third of a second again and again, until it is sent once more.
  block: `const spin = (ms) => { const until = performance.now() + ms; while (performance.now() < until); };
    if (globalThis.spinning) return clearInterval(globalThis.spinning);
    spin(2_000);
    globalThis.spinning = setInterval(spin, 700, 350);`,
  jump: 'const real = Date.now; Date.now = () => real() + 3_600_000;',
};

export interface DrillGateway {
  readonly process: RunningProcess;
  readonly port: number;
  readonly healthPort: number;
  metrics(): Promise<string>;
}

export interface GatewayOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly inner?: InnerFault | undefined;
  /** `ulimit -n` of the process. */
  readonly maxFiles?: number | undefined;
}

/** A gateway as its container runs it. Resolves when it is ready. */
export async function startDrillGateway({ env, inner, maxFiles }: GatewayOptions): Promise<DrillGateway> {
  const hook = inner === undefined ? '' : `process.on('SIGUSR2', () => { ${innerFaults[inner]} })`;
  const imported = hook === '' ? [] : ['--import', `data:text/javascript,${encodeURIComponent(hook)}`];
  const args = [...imported, 'gateway/main.ts'];
  const options = { cwd: repository, env: { GATEWAY_HOST: '127.0.0.1', GATEWAY_PORT: '0', HEALTH_PORT: '0', ...env } };
  const process_ =
    maxFiles === undefined
      ? startProcess(process.execPath, args, options)
      : startProcess('sh', ['-c', `ulimit -n ${maxFiles}; exec "$0" "$@"`, process.execPath, ...args], options);
  await process_.line(/"event":"ready"/, 120_000);
  const [, port, healthPort] = /listens on \S+:(\d+), health on \S+:(\d+)/.exec(process_.output()) ?? [];
  return {
    process: process_,
    port: Number(port),
    healthPort: Number(healthPort),
    metrics: async () => {
      // One that hangs is seen by what it says afterwards.
      const response = await fetch(`http://127.0.0.1:${healthPort}/metrics`, { signal: AbortSignal.timeout(1_000) });
      return response.text();
    },
  };
}

/** Sum of the samples of these series: a name, or a name with the labels as they are printed. */
export function sumOf(metrics: string, series: string): number {
  return metrics
    .split('\n')
    .filter((line) => line.startsWith(`${series} `) || line.startsWith(`${series}{`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
