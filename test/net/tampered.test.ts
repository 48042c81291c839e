import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { tcpCorpus } from '../fuzz/support/corpus.ts';
import { mutateDialogue, renderPiece } from '../fuzz/support/mutate.ts';
import { Random } from '../fuzz/support/random.ts';
import { build, networks } from '../kit/addon.ts';
import { type RunningProcess, repository, startProcess } from '../kit/process.ts';
import { until } from '../kit/until.ts';

const MEGABYTE = 1_048_576;
const PROGRAM = 'test/net/support/echo.ts';
/** `e_machine` of an ELF header, by elf(5). */
const ELF_MACHINE_AT = 18;
const ELF_MACHINES: Record<string, number> = { 'linux-x64.node': 62, 'linux-arm64.node': 183 };
const addon = `${process.platform}-${process.arch}.node`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fronttcp-net-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Seen {
  readonly accepted: number;
  readonly closed: number;
  readonly reads: number;
  readonly acceptErrors: number;
  readonly cpuMs: number;
}

interface Echo {
  readonly port: number;
  readonly process: RunningProcess;
  seen(): Promise<Seen>;
  /** Ends it: it must have nothing left that keeps it alive. */
  end(): Promise<void>;
}

interface EchoOptions {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly openFiles?: number;
}

async function startEcho({ args, env = {}, openFiles }: EchoOptions): Promise<Echo> {
  const limit = openFiles === undefined ? '' : `ulimit -n ${openFiles}; `;
  const command = `${limit}exec "$0" ${PROGRAM} ${args.join(' ')}`;
  // A preloaded library is for the program alone, not for the shell.
  const setting = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const child = startProcess('/bin/sh', [
    '-c',
    command.replace('exec ', `exec env ${setting.join(' ')} `),
    process.execPath,
  ]);
  onTestFinished(async () => void (await child.stop('SIGKILL')));
  const port = Number(/listens on (\d+)/.exec(await child.line(/listens on/))?.[1]);
  let asked = 0;
  return {
    port,
    process: child,
    async seen() {
      asked += 1;
      child.child.kill('SIGUSR2');
      const lines = await until('it says what it has seen', () => {
        const found = child
          .output()
          .split('\n')
          .filter((line) => line.startsWith('{'));
        return found.length >= asked && found;
      });
      return JSON.parse(lines[asked - 1] ?? '{}') as Seen;
    },
    async end() {
      child.child.kill('SIGTERM');
      expect(await child.exit, child.output()).toEqual({ code: 0, signal: null });
    },
  };
}

/** Writes the chunks and reads until the end: what came back. */
async function talk(port: number, chunks: readonly Buffer[]): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  const received: Buffer[] = [];
  socket.on('data', (chunk) => received.push(chunk));
  await once(socket, 'connect');
  for (const chunk of chunks) socket.write(chunk);
  socket.end();
  await once(socket, 'close');
  return Buffer.concat(received);
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const summary = (bytes: Buffer) => `${bytes.length} bytes, ${digest(bytes)}`;

function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}

describe.each(networks())('the network %s', (kind) => {
  test('EINTR and EAGAIN on every call, a megabyte in one-byte reads: all comes back', async () => {
    const library = join(folder, `faulty-${kind}.so`);
    const source = join(repository, 'test/net/support/faulty-calls.c');
    execFileSync('cc', ['-O2', '-shared', '-fPIC', '-Wall', '-o', library, source, '-ldl']);
    const echo = await startEcho({
      args: [kind, 'digests'],
      env: { LD_PRELOAD: library, FAULTY_BYTES: '1' },
    });
    // The reference pays more for each: a part will do.
    const bytes = pattern(kind === 'native' ? MEGABYTE : MEGABYTE / 8);
    const [large, ...small] = await Promise.all([
      talk(echo.port, [Buffer.from('digest'), bytes]),
      ...Array.from({ length: 20 }, (_, i) =>
        talk(echo.port, [Buffer.from(`client ${i}, `), Buffer.from('to the end')]),
      ),
    ]);
    expect(large.toString()).toBe(digest(Buffer.concat([Buffer.from('digest'), bytes])));
    expect(small.map(String)).toEqual(small.map((_, i) => `client ${i}, to the end`));
    expect((await echo.seen()).reads).toBeGreaterThanOrEqual(bytes.length);
    await echo.end();
  });

  test('out of descriptors: present connections are served, nothing spins, and accepting resumes when there are some again', async () => {
    const echo = await startEcho({ args: [kind], openFiles: 60 });
    const clients: Socket[] = [];
    onTestFinished(() => {
      for (const client of clients) client.destroy();
    });
    const first = connect(echo.port, '127.0.0.1');
    let text = '';
    first.on('data', (chunk) => {
      text += String(chunk);
    });
    clients.push(first);
    first.write('1');
    await until('the first is served', () => text === '1');
    for (let i = 0; i < 80; i += 1) clients.push(connect(echo.port, '127.0.0.1').on('error', () => undefined));
    await until('all are connected, or sent away', () => clients.every((client) => !client.connecting));
    const before = await echo.seen();
    const startedAt = performance.now();
    first.write('2');
    await until('the first is served', () => text === '12');
    // What it uses of the processor meanwhile: it must wait, not ask again and again.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const after = await echo.seen();
    expect(after.cpuMs - before.cpuMs).toBeLessThan((performance.now() - startedAt) / 2);
    expect(after.accepted).toBeLessThan(70);
    for (const client of clients) client.destroy();
    await until(
      'there is room again',
      async () => (await talk(echo.port, [Buffer.from('again')])).toString() === 'again',
    );
    await echo.end();
  });
});

describe('the addon', () => {
  test('the same sources give the same bytes, for this machine and for each with a cross compiler', async () => {
    await Promise.all(['a', 'b'].map((name) => build('--out', join(folder, name))));
    const files = readdirSync(join(folder, 'a'));
    expect(files).toContain(addon);
    expect(readdirSync(join(folder, 'b'))).toEqual(files);
    for (const file of files) {
      const [one, other] = ['a', 'b'].map((name) => readFileSync(join(folder, name, file)));
      expect(one?.equals(other ?? Buffer.alloc(0)), file).toBe(true);
      expect(one?.readUInt16LE(ELF_MACHINE_AT), file).toBe(ELF_MACHINES[file]);
    }
  });

  test('under the address and undefined-behaviour sanitizers the fuzz corpus comes back as it was sent', async () => {
    await build('--sanitize', '--out', join(folder, 'sanitized'));
    const library = (name: string) => execFileSync('cc', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
    const echo = await startEcho({
      args: [join(folder, 'sanitized', addon)],
      env: {
        LD_PRELOAD: library('libasan.so'),
        // Node itself does not give everything back at its end.
        ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=0:exitcode=99',
        UBSAN_OPTIONS: 'print_stacktrace=1',
      },
    });
    expect(String(await talk(echo.port, [Buffer.from('device')]))).toBe('device');
    const corpus = tcpCorpus();
    const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);
    const random = new Random(seed);
    for (let round = 0; round < 12; round += 1) {
      await Promise.all(
        corpus.map(async (pieces) => {
          const chunks = (round === 0 ? pieces : mutateDialogue(pieces, random.pick(corpus), random)).flatMap(
            renderPiece,
          );
          const received = await talk(echo.port, chunks);
          expect(summary(received), `seed ${seed}, round ${round}`).toBe(summary(Buffer.concat(chunks)));
        }),
      );
      // Others are reset, with bytes on their way to either side.
      const reset = Array.from({ length: 30 }, () => connect(echo.port, '127.0.0.1').on('error', () => undefined));
      await Promise.all(reset.map((client) => once(client, 'connect')));
      for (const client of reset) {
        client.write(pattern(100_000));
        setImmediate(() => client.resetAndDestroy());
      }
    }
    const large = pattern(4 * MEGABYTE);
    expect(digest(await talk(echo.port, [large]))).toBe(digest(large));
    await echo.end();
  });
});
