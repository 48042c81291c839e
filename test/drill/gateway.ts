import { type GatewayProcess, startGatewayProcess } from '../kit/gateway-process.ts';

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

interface GatewayOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly inner?: InnerFault | undefined;
  /** `ulimit -n` of the process. */
  readonly maxFiles?: number | undefined;
}

/** A gateway that takes this fault on SIGUSR2. Resolves when it is ready. */
export async function startDrillGateway({ env, inner, maxFiles }: GatewayOptions): Promise<GatewayProcess> {
  const hook = inner === undefined ? {} : { before: `process.on('SIGUSR2', () => { ${innerFaults[inner]} })` };
  const gateway = await startGatewayProcess({ env, openFiles: maxFiles, ...hook });
  await gateway.process.line(/"event":"ready"/, 120_000);
  return gateway;
}

/** Sum of the samples of these series: a name, or a name with the labels as they are printed. */
export function sumOf(metrics: string, series: string): number {
  return metrics
    .split('\n')
    .filter((line) => line.startsWith(`${series} `) || line.startsWith(`${series}{`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
