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

/**
 * What our dependencies hold for uses that are not ours, and the bundler cannot know: each row is a module, and what a bundle
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
    // The deprecated methods for formats (`z.string().email()`) hold them all: ours are `z.url()` and the like.
    module: /[\\/]zod[\\/]v4[\\/]classic[\\/]schemas\.js$/,
    text: (original) =>
      original
        .replaceAll(/^\s*inst\._zod\.processJSONSchema = .*;$/gm, '')
        .replaceAll(/createStandardJSONSchemaMethod\(this, "\w+"\)/g, 'undefined')
        .replaceAll('createToJSONSchemaMethod(this, {})(params)', 'undefined')
        .replace(/(\$constructor\("ZodString", .*?\n\}), \{\n.*?\n\}\);/s, '$1);'),
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
];

export const leanDependencies: Plugin = {
  name: 'lean-dependencies',
  setup({ onLoad }) {
    for (const { module, text } of LEAN) {
      onLoad({ filter: module }, ({ path }) => ({ contents: text(readFileSync(path, 'utf8')), loader: 'js' }));
    }
  },
};
