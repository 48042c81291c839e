import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { copyProgram } from '../../local/programs/copy.ts';
import { findRedisBinary } from '../../local/redis/find.ts';
import { askForRedis } from '../../local/redis/question.ts';
import { startRedis } from '../../local/redis/start.ts';
import { provide } from '../kit/needs.ts';
import { repository, startProcess } from '../kit/process.ts';
import { barePath, isDebian, packageArchive, type TestPackage } from './package-archive.ts';

let folder: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fronttcp-copy-'));
  await chmod(folder, 0o777);
  env = { PATH: await barePath(folder), HOME: folder };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The programs of this machine, in packages like Debian's: the server is in the package of the tools. */
async function redisPackages(): Promise<TestPackage[]> {
  const { binary } = await findRedisBinary(process.env);
  if (!binary) throw new Error('the tests run without a Redis');
  return [
    {
      name: 'redis-server',
      depends: 'redis-tools, libfronttcp-test',
      files: { 'usr/share/doc/redis-server/x': '' },
    },
    {
      name: 'redis-tools',
      files: {
        // It may be a copy itself, which works only where it is.
        'usr/bin/redis-server': `#!/bin/sh\nexec "${binary.path}" "$@"\n`,
        'usr/bin/redis-cli': '#!/bin/sh\necho a client\n',
      },
    },
    { name: 'libfronttcp-test', files: { 'usr/lib/x86_64-linux-gnu/libfronttcp-test.so.1': '' } },
  ];
}

/** Runs a module as a user without rights, where we may choose. */
function asNobody(script: string): ReturnType<typeof startProcess> {
  const drop = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
  const [file = '', ...args] = [...drop, process.execPath, '--input-type=module', '-e', script];
  return startProcess(file, args, { cwd: folder });
}

describe('a user without root, Redis or container engine', () => {
  if (!isDebian) {
    it('sees that there are no package tools', async () => {
      const program = { name: 'redis-server', packages: ['redis-server'], file: 'usr/bin/redis-server' };
      const { ok, tried } = await copyProgram(program, { dir: folder, env, say: () => undefined });
      expect([ok, tried]).toEqual([false, 'a copy: there is no apt-get here']);
    });
    return;
  }

  it('gets a copy in the folder with a notice, and has it at once the next time', async () => {
    const archive = await packageArchive(folder, await redisPackages());
    const options = JSON.stringify({
      dataDir: join(folder, 'data'),
      env: { ...env, ...archive },
      folders: { copies: join(folder, 'programs'), usual: [] },
    });
    const script = `
      import { startRedis } from ${JSON.stringify(join(repository, 'local/redis/start.ts'))};
      const redis = await startRedis({ ...${options}, say: (line) => console.log('said', line) });
      console.log('up', redis.describe);
      await redis.stop();`;
    const first = asNobody(script);
    expect((await first.exit).code, first.output()).toBe(0);
    expect(first.output()).toMatch(
      /said Fetching a copy of redis-server into programs\/redis-server \(nothing is installed\)/,
    );
    expect(first.output()).toMatch(/said Starting Redis [\d.]+ \(.*programs\/bin\/redis-server\)\nup Redis/);
    expect(await readdir(join(folder, 'programs'))).toEqual(['bin', 'redis-server']);
    expect(execFileSync(join(folder, 'programs/bin/redis-cli'), { encoding: 'utf8' })).toBe('a client\n');
    expect(await readdir(join(folder, 'programs/redis-server/root/usr/lib'))).toEqual(['x86_64-linux-gnu']);

    const second = asNobody(script);
    expect((await second.exit).code, second.output()).toBe(0);
    expect(second.output()).not.toContain('Fetching');
  });

  it('may move the folder with the copy', async () => {
    const archive = await packageArchive(folder, [
      {
        name: 'thing',
        files: {
          'usr/bin/thing': '#!/bin/sh\necho "$1 from $LD_LIBRARY_PATH"\n',
          'usr/lib/libx.so': '',
        },
      },
    ]);
    const program = { name: 'thing', packages: ['thing'], file: 'usr/bin/thing' };
    const options = { dir: join(folder, 'before'), env: { ...env, ...archive }, say: () => undefined };
    expect(await copyProgram(program, options)).toEqual({ ok: true, tried: 'a copy of thing: fetched' });
    await rename(join(folder, 'before'), join(folder, 'after'));
    expect(execFileSync(join(folder, 'after/bin/thing'), ['hello'], { encoding: 'utf8' })).toBe(
      `hello from ${join(folder, 'after/thing/root/usr/lib')}\n`,
    );
  });

  it('has the programs of the tests copied too', async () => {
    const script = '#!/bin/sh\necho 1.0\n';
    const archive = await packageArchive(folder, [{ name: 'thing', files: { 'usr/bin/thing': script } }]);
    const copy = { name: 'thing', packages: ['thing'], file: 'usr/bin/thing' };
    const need = { area: 'x', programs: ['thing'], packages: {}, copy };
    const provided = await provide(need, { ...env, ...archive }, () => undefined, join(folder, 'programs'));
    expect(provided).toEqual({ state: 'there', path: join(folder, 'programs/bin/thing') });
  });

  it('sees all attempts when nothing works, and no partial copy is left', async () => {
    const archive = await packageArchive(folder, []);
    const folders = { copies: join(folder, 'programs'), usual: [] };
    const options = { dataDir: join(folder, 'data'), env: { ...env, ...archive }, folders, say: () => undefined };
    const failed = await startRedis(options).catch((error: unknown) => String(error));
    expect(failed).toMatch(/No Redis to work with. Tried:\n {2}- redis-server and valkey-server: not on PATH/);
    expect(failed).toMatch(/a copy of redis-server and redis-tools by apt-get download: .*Unable to locate package/s);
    expect(await readdir(join(folder, 'programs'))).toEqual([]);
  });
});

describe('the person at the terminal', () => {
  const unheard = (): void => undefined;
  const typing =
    (...lines: string[]) =>
    (): Promise<string> =>
      Promise.resolve(lines.shift() ?? '');

  it('is asked last, and may name a Redis that runs', async () => {
    const url = inject('redisUrl');
    const said: string[] = [];
    expect(await askForRedis(typing('yes', url), ['nothing'], env, (line) => said.push(line))).toEqual({
      kind: 'url',
      url,
    });
    expect(said).toEqual(['There is no Redis on this machine. Tried:\n  - nothing', '"yes" is none of these.']);
  });

  it('may stop', async () => {
    expect(await askForRedis(typing(''), [], env, unheard)).toEqual({ kind: 'nothing' });
  });

  it('may have it installed with sudo, which asks for the password itself', async () => {
    const sudo = join(env.PATH ?? '', 'sudo');
    await writeFile(sudo, '#!/bin/sh\ntest "$1" = sh\n');
    await chmod(sudo, 0o755);
    await writeFile(join(env.PATH ?? '', 'apt-get'), '#!/bin/sh\n');
    await chmod(join(env.PATH ?? '', 'apt-get'), 0o755);
    const asked: string[] = [];
    const wish = await askForRedis(
      (question) => {
        asked.push(question);
        return Promise.resolve('install');
      },
      [],
      env,
      unheard,
    );
    expect(wish).toEqual({ kind: 'installed' });
    expect(asked[0]).toContain('"install" to install it with sudo apt-get');
  });
});
