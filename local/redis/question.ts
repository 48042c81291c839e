import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { sudoCommand } from './install.ts';

/** Reads one line that a person types; empty when the input ended. */
export type AskPerson = (question: string) => Promise<string>;

/** The user's choice when Redis is missing. */
type Wish =
  | { readonly kind: 'installed' }
  /** The URL of a Redis that runs elsewhere. */
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'nothing' };

/** Asks at the terminal; undefined where there is none. */
export function personAtTerminal(input: NodeJS.ReadStream, output: NodeJS.WriteStream): AskPerson | undefined {
  if (!input.isTTY || !output.isTTY) return undefined;
  return async (question) => {
    // Not readline's own terminal mode: it would keep Ctrl-C from stopping us.
    const lines = createInterface({ input, output, terminal: false });
    output.write(question);
    const line = new Promise<string>((resolve) => lines.once('line', resolve));
    const ended = once(lines, 'close').then(() => '');
    const answer = await Promise.race([line, ended]);
    lines.close();
    return answer.trim();
  };
}

/** The last way to a Redis: the user gives sudo a password, or names a running one. Asks again after an invalid answer. */
export async function askForRedis(
  ask: AskPerson,
  tried: readonly string[],
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<Wish> {
  const sudo = await sudoCommand(env);
  say(`There is no Redis on this machine. Tried:\n${tried.map((line) => `  - ${line}`).join('\n')}`);
  const choices = [
    ...(sudo ? [`"install" to install it with sudo ${sudo.manager} (asks for your password)`] : []),
    'the URL of a running one (redis://…)',
    'nothing to stop',
  ];
  for (;;) {
    const answer = await ask(`Type ${choices.join(', or ')}: `);
    if (answer === '') return { kind: 'nothing' };
    if (/^rediss?:\/\/./.test(answer) && URL.canParse(answer)) return { kind: 'url', url: answer };
    if (sudo && answer === 'install') {
      if (await runAtTerminal(sudo.command, env)) return { kind: 'installed' };
      say(`sudo ${sudo.manager} could not install it.`);
    } else {
      say(`${JSON.stringify(answer)} is none of these.`);
    }
  }
}

/** With our terminal, for the question of sudo. */
async function runAtTerminal([file = '', ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  const child = spawn(file, args, { env, stdio: 'inherit' });
  const [code] = (await Promise.race([once(child, 'exit'), once(child, 'error').then(() => [1])])) as [number | null];
  return code === 0;
}
