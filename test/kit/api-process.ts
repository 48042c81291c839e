import { type RunningProcess, startProgram } from './process.ts';

/** The HTTP API (`npm run api`) in a process of its own, on a free port of 127.0.0.1 unless the environment names one. */
export interface ApiProcess {
  readonly process: RunningProcess;
  readonly url: string;
}

/** Of a machine that does many things at once. */
const START_TIMEOUT_MS = 120_000;
const LISTENS = /HTTP API on (\S+)/;

/** Starts it and resolves when it listens. `cwd`: the checkout whose API it is; undefined: this one. */
export async function startApiProcess(
  env: Readonly<Record<string, string | undefined>>,
  cwd?: string,
): Promise<ApiProcess> {
  const program = startProgram('local/api.ts', [], {
    env: { API_HOST: '127.0.0.1', API_PORT: '0', ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  const [, url = ''] = LISTENS.exec(await program.line(LISTENS, START_TIMEOUT_MS)) ?? [];
  return { process: program, url };
}
