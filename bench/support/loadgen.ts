import { startChild } from './child.ts';
import { compile } from './compile.ts';

/** What one run of the generator printed, by its own names (bench/load/loadgen.c). */
export type Figures = Readonly<Record<string, number>>;

interface LoadOptions {
  readonly cpus?: string | undefined;
  readonly niceness?: number;
  readonly timeoutMs?: number;
}

let endedAt = 0;
/** When a generator last ended, µs of the monotonic clock. */
export const lastEnd = (): number => endedAt;
export function noteEnd(): void {
  endedAt = Number(process.hrtime.bigint() / 1_000n);
}

/** Runs the generator to its end. Rejects when it fails, or connects nobody. */
export async function load(args: readonly string[], options: LoadOptions = {}): Promise<Figures> {
  const child = await startChild(await compile('loadgen'), args, options);
  const timer = setTimeout(() => child.process.kill('SIGKILL'), options.timeoutMs ?? 120_000);
  const code = await child.exited;
  clearTimeout(timer);
  noteEnd();
  const figures = parseFigures(child.output());
  if (code !== 0 || !figures.n) {
    throw new Error(`loadgen ${args.join(' ')} ended with ${code ?? 'a signal'}:\n${child.output()}`);
  }
  return figures;
}

/** `a=1 b/s=2.5 mode=x` → `{ a: 1, 'b/s': 2.5 }`: values that are not numbers are left out. */
export function parseFigures(text: string): Figures {
  const figures: Record<string, number> = {};
  for (const [, name = '', value = ''] of text.matchAll(/(\S+?)=(\S+)/g)) {
    const number = Number(value);
    if (Number.isFinite(number)) figures[name] = number;
  }
  return figures;
}
