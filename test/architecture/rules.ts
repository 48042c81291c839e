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
  return [...found].sort();
}

/**
 * The readers of both sides' settings judge what a deployment would tell them. They are pure, with the schemas that they
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
