#!/usr/bin/env node
// Starts the command line: a bundle in the published package, for every supported Node; fronttcp.ts in a checkout.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./fronttcp.ts', import.meta.url));

if (existsSync(program)) {
  const { runTypeScript } = await import('./run-typescript.mjs');
  await runTypeScript(program, process.argv.slice(2));
} else {
  // Compiled code of the last run: half the start-up time.
  module.enableCompileCache?.();
  await import('../dist/fronttcp.mjs');
}
