import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { ExitCode, Failure } from './failure.ts';

/** Reads it from standard input if requested, else asks without an echo. */
export async function readPassword(prompt: string, fromStdin: boolean): Promise<string> {
  const password = fromStdin ? (await text(process.stdin)).replace(/\r?\n$/, '') : await ask(prompt);
  if (password === '') throw new Failure(ExitCode.usage, 'the password is empty');
  return password;
}

async function ask(prompt: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new Failure(ExitCode.usage, 'there is no terminal to ask for the password', 'Use --password-stdin.');
  }
  process.stderr.write(prompt);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('SIGINT', () => reject(new Failure(ExitCode.interrupted, 'interrupted')));
      lines.once('close', () => reject(new Failure(ExitCode.usage, 'no password was given')));
    });
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
