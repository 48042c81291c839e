import { type Import, packagesReached } from './import-graph.ts';

/**
 * Who may import whom, by top folder. The three runtime parts (functions, gateway, sdk) meet in contract/ alone, so
 * that each can be deployed, replaced and read without the others.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  shared: ['shared'],
  contract: ['contract', 'shared'],
  functions: ['functions', 'contract', 'shared'],
  gateway: ['gateway', 'contract', 'shared'],
  sdk: ['sdk', 'contract', 'shared'],
  // Types of runtime code, and the tables that both sides read: see isTable.
  lib: ['lib', 'contract', 'shared', 'functions', 'gateway'],
  cli: ['cli', 'lib', 'functions', 'sdk', 'contract', 'shared'],
  bin: ['bin', 'cli', 'lib'],
  local: ['local', 'functions', 'gateway', 'sdk', 'contract', 'shared'],
};

export const folders = Object.keys(mayImport);

/**
 * Who may import whom inside gateway/, types too: a class that needs something of a layer above declares it as a port beside
 * itself. The main line is net ← session ← delivery ← routing ← commands. store/ stands beside it and knows none of it.
 * fleet/ and upstream/ act on sessions. observe/ only looks on: it sees all of them, and none of them sees it. The files
 * directly in gateway/ make and connect the parts: they see everything, and no folder sees them.
 */
const gatewayMayImport: Readonly<Record<string, readonly string[]>> = {
  net: ['net'],
  session: ['session', 'net'],
  delivery: ['delivery', 'session', 'net'],
  routing: ['routing', 'delivery', 'session', 'net'],
  commands: ['commands', 'routing', 'delivery', 'session', 'net'],
  store: ['store'],
  fleet: ['fleet', 'session', 'net'],
  upstream: ['upstream', 'session', 'net'],
  observe: ['observe', 'routing', 'delivery', 'session', 'net', 'store', 'fleet', 'upstream'],
};

/** What others put into their own programs. */
const WITHOUT_PACKAGES = ['sdk'];

/** One line per violation; none is what we want. */
export function violations(imports: readonly Import[]): string[] {
  const found = new Set<string>();
  for (const { from, to, kind, isPackage } of imports) {
    if (isPackage) continue;
    const part = topFolder(from);
    const target = topFolder(to);
    const allowed = mayImport[part];
    if (allowed && !allowed.includes(target)) found.add(`${from} imports ${to}: ${part}/ never imports ${target}/`);
    if (part === 'gateway' && target === 'gateway') {
      const problem = upwardArrow(from, to);
      if (problem !== undefined) found.add(problem);
    }
    if (part === 'lib' && target !== 'lib' && kind === 'runtime' && !isTable(to, imports)) {
      found.add(`${from} imports ${to} at runtime: lib/ takes runtime code as types only`);
    }
  }
  for (const file of new Set(
    imports.map(({ from }) => from).filter((from) => WITHOUT_PACKAGES.includes(topFolder(from))),
  )) {
    for (const name of packagesReached(file, imports)) {
      found.add(`${file} reaches ${name}: ${topFolder(file)}/ has no dependency`);
    }
  }
  for (const circle of runtimeCircles(imports)) found.add(`circle at runtime: ${circle.join(' → ')}`);
  return [...found].sort();
}

function upwardArrow(from: string, to: string): string | undefined {
  const folder = gatewayFolder(from);
  if (folder === '') return undefined;
  const allowed = gatewayMayImport[folder];
  if (allowed === undefined) return `${from}: gateway/${folder}/ has no place in the order of layers`;
  const target = gatewayFolder(to);
  if (allowed.includes(target)) return undefined;
  return `${from} imports ${to}: gateway/${folder}/ never imports ${target === '' ? 'files of gateway/ itself' : `gateway/${target}/`}`;
}

/** Empty for the files directly in gateway/. */
function gatewayFolder(path: string): string {
  const [, folder = '', ...rest] = path.split('/');
  return rest.length === 0 ? '' : folder;
}

/** Files that import one another when the code runs, each circle once, from its first file by name back to it. */
function runtimeCircles(imports: readonly Import[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const { from, to, kind, isPackage } of imports) {
    if (kind === 'runtime' && !isPackage) targets.set(from, [...(targets.get(from) ?? []), to]);
  }
  const circles = new Map<string, string[]>();
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const start = path.indexOf(file);
    if (start >= 0) {
      const members = path.slice(start);
      const first = members.indexOf(members.toSorted()[0] ?? file);
      const circle = [...members.slice(first), ...members.slice(0, first)];
      circles.set(circle.join(' '), [...circle, circle[0] ?? file]);
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const target of targets.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of [...targets.keys()].sort()) visit(file);
  return [...circles.values()];
}

/**
 * The readers of both sides' settings validate what a deployment would set. They are pure, with the schemas that they
 * are written in and nothing else.
 */
const settingsReaders = ['gateway/config.ts', 'functions/runtime/environment.ts', 'shared/settings.ts'];
const schemaPackages = ['zod'];

/** Names and routes as data with nothing behind them, and the readers of settings: synthesis may use these. */
function isTable(file: string, imports: readonly Import[]): boolean {
  if (settingsReaders.includes(file)) {
    return [...packagesReached(file, imports)].every((name) => schemaPackages.includes(name));
  }
  const isShared = ['contract', 'shared'].includes(topFolder(file)) || file === 'functions/routes.ts';
  return isShared && packagesReached(file, imports).size === 0;
}

const topFolder = (path: string): string => path.split('/')[0] ?? '';

/** Packages that a Lambda bundle never holds, and the Redis clients of which it holds at most one. */
const deployOnly = ['aws-cdk-lib', 'constructs', 'aws-cdk', 'cdk-nag', 'esbuild', 'find-my-way', 'prom-client'];
const redisClients = ['ioredis', '@upstash/redis'];

interface BundledFile {
  readonly imports: readonly { readonly path: string; readonly external?: boolean }[];
}

/** What is wrong with the files that a bundle of functions/<name>/handler.ts takes in. */
export function bundleViolations(name: string, inputs: Readonly<Record<string, BundledFile>>): string[] {
  const own = new RegExp(`^(functions/(${name}|http|runtime)/|functions/[^/]+$|contract/|shared/)`);
  const strangers = Object.keys(inputs).filter((file) => !own.test(file));
  const packages = new Set(
    Object.values(inputs).flatMap((input) => input.imports.filter(({ external }) => external).map(({ path }) => path)),
  );
  const clients = redisClients.filter((client) => packages.has(client));
  return [
    ...strangers.map((file) => `${name} bundles ${file}`),
    ...deployOnly.filter((forbidden) => packages.has(forbidden)).map((forbidden) => `${name} bundles ${forbidden}`),
    ...(clients.length > 1 ? [`${name} bundles ${clients.join(' and ')}`] : []),
  ];
}
