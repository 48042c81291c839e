import { spawn } from 'node:child_process';
import { endWithUs } from '../../../local/end-with-us.ts';
import { until } from '../../kit/until.ts';

/** What a person does while a script runs: keys, typed when something is on the screen, in this order. */
export type Keys = readonly (readonly [onScreen: RegExp, keys: string])[];

/** A program on a terminal of its own, as a person has it. */
export interface Terminal {
  screen(): string;
  /** From here on: what comes after this is on the screen. Fails with the whole screen. */
  shows(pattern: RegExp, timeoutMs?: number): Promise<void>;
  type(keys: string): void;
  /** The exit code, once it has ended by itself. */
  ends(timeoutMs?: number): Promise<number | null>;
  kill(): Promise<void>;
}

/** Gives a program a terminal: Python's standard library has one, Node's has none. */
const PTY = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';

export function openTerminal(command: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }): Terminal {
  const child = spawn('python3', ['-c', PTY, ...command], { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  endWithUs(child);
  let text = '';
  let code: number | null | undefined;
  let seen = 0;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk.replaceAll('\r', '')));
  }
  child.once('close', (exitCode) => (code = exitCode));
  // Keys for a program that has just ended have nowhere to go.
  child.stdin.on('error', () => child.stdin.destroy());
  const failed = (what: string) => new Error(`${what}\n${command.join(' ')}\n${text}`);
  return {
    screen: () => text,
    type: (keys) => child.stdin.write(keys),
    shows: async (pattern, timeoutMs = 60_000) => {
      const found = await until(
        `the terminal shows ${pattern}`,
        () => {
          const at = text.slice(seen).search(pattern);
          if (at >= 0) return { at };
          return code !== undefined && { at: -1 };
        },
        { timeoutMs, everyMs: 20 },
      ).catch((error: Error) => {
        throw failed(error.message);
      });
      if (found.at < 0) throw failed(`it ended with ${code} and never showed ${pattern}`);
      seen += found.at + 1;
    },
    ends: async (timeoutMs = 60_000) => {
      await until('the program ends', () => code !== undefined, { timeoutMs, everyMs: 20 }).catch((error: Error) => {
        throw failed(error.message);
      });
      return code ?? null;
    },
    kill: async () => {
      if (code !== undefined) return;
      child.kill('SIGKILL');
      await until('the terminal is gone', () => code !== undefined);
    },
  };
}
