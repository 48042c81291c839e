#!/usr/bin/env node
// `exec` in an npm script makes sh become Node, so that a signal to npm reaches it. `exec` is built into sh; on Windows,
// where there is none, cmd.exe finds this program in node_modules/.bin and it runs the command as it is.
import { spawnSync } from 'node:child_process';

const [program = '', ...args] = process.argv.slice(2);
const { status } = spawnSync(program === 'node' ? process.execPath : program, args, { stdio: 'inherit' });
process.exit(status ?? 1);
