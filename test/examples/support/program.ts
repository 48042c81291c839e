import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { endWithUs } from '../../../local/end-with-us.ts';

export type CommandLine = readonly [string, ...string[]];

/** A client as a program, its lines on stdout and stderr to be awaited one by one. */
export class Program {
  readonly child: ChildProcessWithoutNullStreams;
  readonly #out: AsyncIterator<string>;
  readonly #err: AsyncIterator<string>;
  readonly exited: Promise<number | null>;

  constructor([command, ...args]: CommandLine, token: string, env: Record<string, string> = {}) {
    this.child = spawn(command, args, {
      env: { ...process.env, ...env, FRONTTCP_TOKEN: token, PYTHONDONTWRITEBYTECODE: '1' },
    });
    endWithUs(this.child);
    this.child.stdin.on('error', () => {
      // Of a program that has ended: `exited` shows it.
    });
    this.#out = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    this.#err = createInterface({ input: this.child.stderr })[Symbol.asyncIterator]();
    this.exited = new Promise((resolve) => this.child.once('exit', resolve));
    onTestFinished(async () => {
      this.child.kill('SIGKILL');
      await this.exited;
    });
  }

  /** The next message that it prints. */
  async message(): Promise<Record<string, unknown>> {
    return JSON.parse(String((await this.#out.next()).value));
  }

  /** The next line of stderr that has this text. */
  async says(text: string): Promise<string> {
    for (;;) {
      const { done, value } = await this.#err.next();
      if (done) throw new Error(`it ended without saying ${text}`);
      if (value.includes(text)) return value;
    }
  }

  type(line: string): void {
    this.child.stdin.write(`${line}\n`);
  }
}
