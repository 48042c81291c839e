import { readFileSync } from 'node:fs';
import type { Plugin } from 'esbuild';

/** What ioredis asks of a command: the flags by which it chooses a node or waits, and where its keys are. */
const ASKED_FLAGS = ['readonly', 'loading'];

interface Command {
  readonly flags: readonly string[];
  readonly keyStart: number;
  readonly keyStop: number;
  readonly step: number;
  readonly subcommands?: Readonly<Record<string, Command>>;
}

/**
 * Returns the module of `@ioredis/commands` that lists the commands, at a tenth of its size: only what ioredis asks, and
 * each combination once.
 */
export function leanCommands(commands: Readonly<Record<string, Command>>): string {
  const combinations = new Map<string, string[]>();
  for (const [name, command] of Object.entries(commands)) {
    const lean = JSON.stringify(leanCommand(command));
    combinations.set(lean, [...(combinations.get(lean) ?? []), name]);
  }
  const rows = [...combinations].map(([lean, names]) => `[${lean},'${names.join(' ')}']`);
  return `for (const [command, names] of [${rows}]) for (const name of names.split(' ')) module.exports[name] = command;`;
}

function leanCommand({ flags, keyStart, keyStop, step, subcommands }: Command): Command {
  const lean = { flags: flags.filter((flag) => ASKED_FLAGS.includes(flag)), keyStart, keyStop, step };
  // The key positions of a command hold for a subcommand that is not listed.
  const others = Object.entries(subcommands ?? {}).filter(
    ([, sub]) => sub.keyStart !== keyStart || sub.keyStop !== keyStop || sub.step !== step,
  );
  if (others.length === 0) return lean;
  return { ...lean, subcommands: Object.fromEntries(others.map(([name, sub]) => [name, leanCommand(sub)])) };
}

/** Methods of schemas that our code never calls: each would keep a class of schema in every bundle. */
export const UNUSED_OF_ZOD = [
  ...['and', 'apply', 'brand', 'describe', 'exactOptional', 'isNullable', 'isOptional', 'nonoptional', 'or'],
  ...['overwrite', 'readonly', 'register', 'validate', 'validateAsync', 'with'],
  ...['lowercase', 'slugify', 'uppercase', 'multipleOf', 'step'],
  ...['catchall', 'exactPartial', 'keyof', 'loose', 'merge', 'omit', 'partial', 'passthrough', 'pick', 'required'],
  ...['safeExtend', 'strict', 'strip'],
];

/** The commands that ioredis sends by itself, for each of which it needs a method. */
export const CALLED_BY_IOREDIS =
  'asking auth client cluster hello info psubscribe quit readonly select ssubscribe subscribe'.split(' ');

/** Throws if a part is not there: with another version of the library nothing may be left in, or out, unnoticed. */
function replaced(original: string, ...parts: readonly (readonly [part: string | RegExp, by: string])[]): string {
  return parts.reduce((before, [part, by]) => {
    const text = before.replace(part, by);
    if (text === before) throw new Error(`a library no longer has what bundles leave out: ${part}`);
    return text;
  }, original);
}

/**
 * Parts of our dependencies for other uses, which the bundler cannot know: each row is a module, and what a bundle
 * has in its place.
 */
const LEAN: readonly { readonly module: RegExp; readonly text: (original: string) => string }[] = [
  {
    // Messages in fifty languages: only needed to set another language.
    module: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/,
    text: () => "export { default as en } from './en.js';",
  },
  {
    // Every schema can describe itself as JSON Schema: ours do so when they are built (functions/openapi/build-document.ts).
    // The deprecated methods for formats (`z.string().email()`) hold them all: ours are `z.url()` and the like. Nothing of ours is
    // encoded, and no input has a cycle: it comes from JSON, or from the environment.
    module: /[\\/]zod[\\/]v4[\\/]classic[\\/]schemas\.js$/,
    text: (original) =>
      replaced(
        original,
        // From its own module, of which the bundler leaves out what is unused.
        ['import { util } from "../core/index.js";', 'import * as util from "../core/util.js";'],
        [/\bcore\.util\./g, 'util.'],
        [/^\s*inst\._zod\.processJSONSchema = .*;$/gm, ''],
        [/createStandardJSONSchemaMethod\(this, "\w+"\)/g, 'undefined'],
        ['createToJSONSchemaMethod(this, {})(params)', 'undefined'],
        [/^ {4}(?:async )?(?:safe)?(?:en|de)code(?:Async)?\b.*?^ {4}\},\n/gims, ''],
        [/^ {4}(?:async safeParseAsync|parseAsync: |[gs]et spa)\b.*?^ {4}\},\n/gms, ''],
        [/^ {4}\w+: \(inst\) => (?:processors\.aggregateChecks|\{\n.*?^ {4}\}).*?\n/gms, ''],
        ['core.config({ memoizer: core.memoizer() })', ''],
        [new RegExp(`^ {4}(?:${UNUSED_OF_ZOD.join('|')})\\(.*?^ {4}\\},\\n`, 'gms'), ''],
        [/(\$constructor\("ZodString", .*?\n\}), \{\n.*?\n\}\);/s, '$1);'],
      ),
  },
  {
    // A class for each command, pipelines, search and vectors: our commands are sent by their names (functions/runtime/drivers/upstash.ts).
    module: /[\\/]@upstash[\\/]redis[\\/]chunk-\w+\.mjs$/,
    text: (original) =>
      replaced(
        original,
        [/^\/\/ pkg\/commands\/command\.ts$.*?(?=^\/\/ pkg\/redis\.ts$)/ms, ''],
        [/^(var Redis = class \{.*?^ {2}constructor\(.*?^ {2}\}\n).*?(?=^\};$)/ms, '$1 addTelemetry() {}\n'],
        [/^ {2}(?:SearchIndex|VectorIndex),$/gm, ''],
      ),
  },
  {
    module: /[\\/]@upstash[\\/]redis[\\/]nodejs\.mjs$/,
    text: (original) => replaced(original, [/^ {2}(?:SearchIndex|VectorIndex),$/gm, '']),
  },
  {
    module: /[\\/]@ioredis[\\/]commands[\\/]built[\\/]commands\.json$/,
    text: (original) => leanCommands(JSON.parse(original)),
  },
  {
    // Lines for who debugs the client itself, with a library for the colours of a terminal.
    module: /[\\/]ioredis[\\/]built[\\/]utils[\\/]debug\.js$/,
    text: () => 'exports.default = () => Object.assign(() => {}, { enabled: false });',
  },
  {
    // Certificates of one vendor, which an option names. Certificates come from the system.
    module: /[\\/]ioredis[\\/]built[\\/]constants[\\/]TLSProfiles\.js$/,
    text: () => 'exports.default = {};',
  },
  {
    // Sentinels have no URL (shared/redis/target.ts).
    module: /[\\/]ioredis[\\/]built[\\/]connectors[\\/]SentinelConnector[\\/]index\.js$/,
    text: () => '',
  },
  {
    // Node reads its root certificates as soon as this is asked for: only for a store with TLS.
    module: /[\\/]ioredis[\\/]built[\\/]connectors[\\/]StandaloneConnector\.js$/,
    text: (original) =>
      replaced(original, ['const tls_1 = require("tls");', ''], ['(0, tls_1.connect)', 'require("tls").connect']),
  },
  {
    // What shared/redis/client.ts imports.
    module: /[\\/]ioredis[\\/]built[\\/]index\.js$/,
    text: () =>
      `exports.Redis = require('./Redis').default;
       exports.Cluster = require('./cluster').default;
       exports.Command = require('./Command').default;`,
  },
  {
    // A method for each command, and for scripts: ours are sent by `call`.
    module: /[\\/]ioredis[\\/]built[\\/]utils[\\/]Commander\.js$/,
    text: (original) =>
      replaced(
        original,
        ['commands_1.list.filter((command) => command !== "monitor")', JSON.stringify(CALLED_BY_IOREDIS)],
        [/^ {4}defineCommand\(.*?^ {4}\}$|^function generateScriptingFunction\(.*?^\}$/gms, ''],
      ),
  },
  {
    // Pipelines and transactions of the client: ours are commands that leave together, and scripts.
    module: /[\\/]ioredis[\\/]built[\\/]transaction\.js$/,
    text: () => 'exports.addTransactionSupport = () => {};',
  },
  {
    module: /[\\/]ioredis[\\/]built[\\/]autoPipelining\.js$/,
    text: () => 'exports.shouldUseAutoPipelining = () => false;',
  },
  {
    module: /[\\/]ioredis[\\/]built[\\/](?:ScanStream|Script)\.js$/,
    text: () => '',
  },
  {
    // Nobody subscribes. The client of a cluster would open a connection for it at once.
    module: /[\\/]ioredis[\\/]built[\\/]cluster[\\/]ClusterSubscriber\.js$/,
    text: () => 'exports.default = class { start() {} stop() {} getInstance() {} };',
  },
  {
    module: /[\\/]ioredis[\\/]built[\\/]cluster[\\/]ClusterSubscriberGroup\.js$/,
    text: () => '',
  },
  {
    module: /[\\/]ioredis[\\/]built[\\/]cluster[\\/]index\.js$/,
    text: (original) =>
      replaced(original, [
        /^ {4}(?:createShardedSubscriberGroup|createScanStream|resolveSrv|\w*[sS]canStream)\(.*?^ {4}\}$/gms,
        '',
      ]),
  },
  {
    // Names in DNS that stand for several servers: an option of the client.
    module: /[\\/]ioredis[\\/]built[\\/]cluster[\\/]util\.js$/,
    text: (original) =>
      replaced(original, [
        /^function (?:group|weight)SrvRecords\(.*?^\}$|^exports\.(?:group|weight)SrvRecords = \w+;$/gms,
        '',
      ]),
  },
  {
    module: /[\\/]ioredis[\\/]built[\\/]Redis\.js$/,
    text: (original) => replaced(original, [/^ {4}(?:createScanStream|\w*[sS]canStream|monitor)\(.*?^ {4}\}$/gms, '']),
  },
  {
    // Channels for a tracer inside of this process: ours writes spans of its own (shared/trace.ts).
    module: /[\\/]ioredis[\\/]built[\\/]tracing\.js$/,
    text: () => 'exports.traceCommand = exports.traceConnect = (call) => call();',
  },
  {
    // Field sets of a command of Redis that we do not send.
    module: /[\\/]ioredis[\\/]built[\\/]himport[\\/]HimportCoordinator\.js$/,
    text: () =>
      `exports.hasHimportCoordinator = Symbol('himport');
       exports.cloneHimportFieldsets = exports.getHimportBinding = () => undefined;
       exports.isInternalHimportCommand = exports.isHimportControlCommand = () => false;`,
  },
  {
    // Classes for a Node before 7, and a parser of another client; without both, node:assert is not read.
    module: /[\\/]redis-errors[\\/]index\.js$/,
    text: () => "module.exports = require('./lib/modern');",
  },
  {
    module: /[\\/]redis-errors[\\/]lib[\\/]modern\.js$/,
    text: (original) =>
      replaced(original, [/class ParserError .*?\n\}\n|const assert = [^\n]*|^ {2}ParserError,$/gms, '']),
  },
];

/** Returns a bundle's text for a module of a dependency. */
export function leanText(path: string): string {
  const original = readFileSync(path, 'utf8');
  return LEAN.find(({ module }) => module.test(path))?.text(original) ?? original;
}

export const leanDependencies: Plugin = {
  name: 'lean-dependencies',
  setup({ onLoad }) {
    for (const { module } of LEAN) {
      onLoad({ filter: module }, ({ path }) => ({ contents: leanText(path), loader: 'js' }));
    }
  },
};
