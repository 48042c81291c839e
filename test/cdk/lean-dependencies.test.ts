import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { CALLED_BY_IOREDIS, leanCommands, leanText, UNUSED_OF_ZOD } from '../../scripts/lean-dependencies.ts';
import { repository } from '../kit/process.ts';

interface Command {
  flags: string[];
  keyStart: number;
  keyStop: number;
  step: number;
  subcommands?: Record<string, Command>;
}

interface Commands {
  list: string[];
  exists(name: string): boolean;
  hasFlag(name: string, flag: string): boolean;
  getKeyIndexes(name: string, args: readonly string[]): number[];
}

describe('the list of commands in a bundle', () => {
  const require = createRequire(import.meta.url);
  const path = require.resolve('@ioredis/commands');
  const listed: Record<string, Command> = require(path.replace('index.js', 'commands.json'));
  const original: Commands = require(path);

  /** The library's own code, with the list that a bundle has. */
  function withList(text: string): Commands {
    const list = { exports: {} };
    runInNewContext(text, { module: list });
    const library = {};
    runInNewContext(readFileSync(path, 'utf8'), { exports: library, require: () => list.exports, Array });
    return library as Commands;
  }

  /** What ioredis asks, of each command and subcommand. */
  function differences(lean: Commands): string[] {
    const answers = ({ hasFlag, getKeyIndexes }: Commands, name: string, args: readonly string[]) =>
      JSON.stringify([hasFlag(name, 'readonly'), hasFlag(name, 'loading'), getKeyIndexes(name, args)]);
    return Object.entries(listed).flatMap(([name, { subcommands = {} }]) =>
      ['2', ...Object.keys(subcommands)]
        .map((first) => [first, '2', 'a', 'STREAMS', 'b', 'c', 'd'])
        .filter((args) => answers(lean, name, args) !== answers(original, name, args))
        .map(([first]) => `${name} ${first}`),
    );
  }

  it('names the same commands, with the same properties, as the library', () => {
    const lean = withList(leanCommands(listed));
    expect([...lean.list].sort()).toEqual([...original.list].sort());
    expect(differences(lean)).toEqual([]);
  });

  it('is compared: a command with other keys is noticed', () => {
    const { get, ...others } = listed;
    expect(differences(withList(leanCommands({ ...others, get: { ...(get as Command), step: 0 } })))).toEqual([
      'get 2',
    ]);
  });
});

describe('the client of Redis in a bundle', () => {
  const built = join(repository, 'node_modules/ioredis/built');
  const known = new Set(Object.keys(createRequire(import.meta.url)('@ioredis/commands/built/commands.json')));
  /** The client's own methods. */
  const LIKE_COMMANDS = new Set(['exec', 'multi']);

  /** Commands that this text calls as methods of a client, such as `self.auth(…)`. */
  function calledIn(text: string): string[] {
    const code = text.replaceAll(/^\s*(?:\*|\/\/).*$/gm, '');
    const calls = code.matchAll(/\b(?:self|this|_this|redis|node|instance|\w*[cC]onnection)\.([a-z]+)\(/g);
    return [...calls].flatMap(([, name = '']) => (known.has(name) && !LIKE_COMMANDS.has(name) ? [name] : []));
  }

  it('has a method for each command that the client sends by itself', () => {
    const files = globSync('**/*.js', { cwd: built }).filter((file) => !/Sentinel|Pipeline\.js|ShardedSub/.test(file));
    const called = new Set(files.flatMap((file) => calledIn(leanText(join(built, file)))));
    expect(called).toContain('auth');
    expect(called).toContain('cluster');
    expect([...called].filter((name) => !CALLED_BY_IOREDIS.includes(name))).toEqual([]);
  });

  it('uses no method that a bundle leaves out', () => {
    const shared = globSync('shared/redis/*.ts', { cwd: repository }).map((file) =>
      readFileSync(join(repository, file), 'utf8'),
    );
    const imported = shared.flatMap((text) =>
      [...text.matchAll(/import (?:type )?\{([^}]*)\} from 'ioredis'/g)].flatMap(([, names = '']) =>
        names.split(',').flatMap((name) => (/^type /.test(name.trim()) ? [] : [name.trim()])),
      ),
    );
    const index = leanText(join(built, 'index.js'));
    expect(imported.length).toBeGreaterThan(0);
    expect(imported.filter((name) => !index.includes(`exports.${name} = `))).toEqual([]);
    const LEFT_OUT = /\.(?:pipeline|multi|defineCommand|subscribe|psubscribe|ssubscribe|\w*[sS]canStream|duplicate)\(/;
    expect(shared.filter((text) => LEFT_OUT.test(text))).toEqual([]);
  });
});

describe("zod's methods that a bundle does not have", () => {
  const METHOD =
    /\.string\(\)(?:\s*\.\w+\([^()]*\))*?\s*\.(email|url|jwt|emoji|guid|uuid\w*|nanoid|cuid2?|ulid|base64\w*|xid|ksuid|ipv[46]|cidrv[46]|e164|datetime|date|time|duration)\(/;

  const UNUSED = new RegExp(`\\.(?:${UNUSED_OF_ZOD.join('|')})\\(`);
  const isUsed = (text: string) => METHOD.test(text) || (/from 'zod'/.test(text) && UNUSED.test(text));

  it('are called nowhere in the bundles', () => {
    const files = execFileSync('git', ['ls-files', 'contract', 'functions', 'shared', 'gateway'], {
      cwd: repository,
      encoding: 'utf8',
    });
    const found = files
      .split('\n')
      .filter((file) => file.endsWith('.ts') && isUsed(readFileSync(join(repository, file), 'utf8')));
    expect(found).toEqual([]);
    expect(isUsed("import { z } from 'zod';\nz.object({}).strict()")).toBe(true);
    expect(METHOD.test("z.string().min(1)\n  .url({ error: 'no' })")).toBe(true);
    expect(METHOD.test("z.url({ error: 'no' })")).toBe(false);
  });
});
