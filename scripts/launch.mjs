// Starts a program of this repository for package.json: node scripts/launch.mjs [--dev] [--unix] <program.ts> [arguments]
//   --dev   it needs the development dependencies (not there after `npm ci --omit=dev`)
//   --unix  it needs a Unix: signals, sh
// The same command line on every platform: npm's shell, sh or cmd.exe, only starts Node.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { refuse, runTypeScript } from '../bin/run-typescript.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
const flags = new Set();
while (args[0]?.startsWith('--')) flags.add(args.shift());
const [program = '', ...rest] = args;

if (flags.has('--unix') && process.platform === 'win32') {
  refuse(
    'This needs a Unix: run it in WSL (https://learn.microsoft.com/windows/wsl), where everything works as on Linux.',
  );
}
if (flags.has('--dev') && existsSync(`${root}/node_modules`) && !existsSync(`${root}/node_modules/vitest`)) {
  refuse('Run `npm ci` without --omit=dev: this needs the development dependencies.');
}
await runTypeScript(`${root}${program}`, rest);
