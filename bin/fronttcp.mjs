#!/usr/bin/env node
// Starts the command line. In the published package that is a bundle, for any Node in support. In a checkout it is
// fronttcp.ts, which Node 24 runs as it is; an older one hands over to the Node 24 that `npm ci` installs beside us.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./fronttcp.ts', import.meta.url));
const isCheckout = existsSync(program);
const major = Number(process.versions.node.split('.')[0]);

if (major >= 24 || !isCheckout) {
  // Compiled code of the last run: half the start-up time.
  module.enableCompileCache?.();
  await import(isCheckout ? './fronttcp.ts' : '../dist/fronttcp.mjs');
} else {
  handOver();
}

function handOver() {
  const node = bundledNode();
  if (node === undefined) {
    process.stderr.write(
      `error: fronttcp needs Node 24 or newer; this is ${process.versions.node}\n` +
        'Install it from https://nodejs.org, or run `npm ci` where fronttcp is, which brings its own.\n',
    );
    process.exit(2);
  }
  const child = spawn(node, [program, ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both; what is sent to us alone is passed on. The child decides how it ends.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`error: cannot start ${node}: ${error.message}\n`);
    process.exit(2);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0)));
}

function bundledNode() {
  try {
    const file = createRequire(import.meta.url).resolve('node/bin/node');
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined;
  }
}
