// Runs a TypeScript program of a checkout, on any Node: Node 24 runs it directly, an older one hands over
// to the Node 24 that `npm ci` installs. Plain JavaScript for Node 18 and newer, with no dependency. Not in the package.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';

const OLDEST_MAJOR = 24;
/** The exit code for "not started like this", as in cli/support/failure.ts. */
const USAGE = 2;
const root = fileURLToPath(new URL('..', import.meta.url));

/** @param {string} program  Path of the .ts file. @param {readonly string[]} args  Its arguments. */
export async function runTypeScript(program, args) {
  if (!existsSync(`${root}/node_modules`)) refuse('Run `npm ci` first: what fronttcp is made of is not installed yet.');
  if (Number(process.versions.node.split('.')[0]) < OLDEST_MAJOR) {
    handOver(program, args);
    return;
  }
  // Compiled code of the last run: half the start-up time.
  module.enableCompileCache?.();
  process.argv = [process.execPath, program, ...args];
  try {
    await import(pathToFileURL(program).href);
  } catch (error) {
    const missing = error?.code === 'ERR_MODULE_NOT_FOUND' && /Cannot find package '([^']+)'/.exec(error.message)?.[1];
    if (!missing) throw error;
    refuse(`Run \`npm ci\` without --omit: the package ${missing} is not installed, and this needs it.`);
  }
}

/** Prints one sentence with the next step, and ends. @returns {never} */
export function refuse(sentence) {
  process.stderr.write(`error: ${sentence}\n`);
  process.exit(USAGE);
}

function handOver(program, args) {
  const node = bundledNode();
  if (node === undefined) {
    refuse(
      `fronttcp needs Node ${OLDEST_MAJOR} or newer in a checkout, and this is ${process.versions.node}: run \`npm rebuild node\`, ` +
        `which fetches one into node_modules, or install it from https://nodejs.org.`,
    );
  }
  const child = spawn(node, [...process.execArgv, program, ...args], { stdio: 'inherit' });
  // Every signal is passed on: it may be to this process alone. A terminal's Ctrl-C thus reaches the child twice, which
  // counts it once (isSameSignal). The child decides the exit code.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => refuse(`${node} cannot be started: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0)));
}

/** The Node of the package `node`. Without its install script (`npm ci --ignore-scripts`) there is none. */
function bundledNode() {
  for (const name of ['node/bin/node', 'node/bin/node.exe']) {
    try {
      const file = createRequire(import.meta.url).resolve(name);
      if (existsSync(file)) return file;
    } catch {
      // Not this one.
    }
  }
  return undefined;
}
