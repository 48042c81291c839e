// node test/first-hour/run.ts             Types what README.md says, as a new user without rights: in a fresh clone, then from the
// node test/first-hour/run.ts clone       packed package; or in one of the two. Prints the time of each step, and the processor time
// node test/first-hour/run.ts package     that it took, which is the same on a busy machine. Fails when a step does.
// Needs the network of npm and, without a Redis on the machine, of apt. Ports: API_PORT, GATEWAY_PORT, HEALTH_PORT, else README.md's.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository } from '../kit/process.ts';
import { NewUser } from './new-user.ts';
import { type Line, linesOf, sendOf } from './readme.ts';

const PORTS = { API_PORT: '3000', GATEWAY_PORT: '8124', HEALTH_PORT: '8125' };
const ports = Object.fromEntries(Object.entries(PORTS).map(([name, port]) => [name, process.env[name] ?? port]));
const readme = readFileSync(join(repository, 'README.md'), 'utf8');

/** What is there before the user types the first line; the name of the folder to type it in. */
const beginnings: Record<string, (home: string) => string> = {
  clone(home) {
    const trusted = ['-c', `safe.directory=${repository}`, '-c', `safe.directory=${repository}/.git`];
    const folder = join(home, 'fronttcp');
    execFileSync('git', [...trusted, 'clone', '--quiet', '--no-hardlinks', repository, folder]);
    return folder;
  },
  package(home) {
    const folder = join(home, 'app');
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), '{"private": true}');
    execFileSync('npm', ['pack', '--silent', '--pack-destination', home], { cwd: repository, stdio: 'ignore' });
    const archive = readdirSync(home).find((file) => file.endsWith('.tgz')) ?? '';
    renameSync(join(home, archive), join(home, 'fronttcp.tgz'));
    return folder;
  },
};

async function walk(name: string, lines: readonly Line[]): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'first-hour-'));
  chmodSync(home, 0o755);
  const folder = beginnings[name]?.(home) ?? home;
  const user = new NewUser(home, folder, ports);
  process.stdout.write(`\n${name}: ${lines.length} lines of README.md, load ${loadavg()[0]?.toFixed(1)}\n`);
  const total = { seconds: 0, processor: 0 };
  try {
    for (const line of lines) {
      const { seconds, processor } = await user.types(line);
      total.seconds += seconds;
      total.processor += processor;
      print(line.text, seconds, processor);
    }
    print('from the first line to the first message', total.seconds, total.processor);
  } finally {
    await user.leaves();
    rmSync(home, { recursive: true, force: true });
  }
}

function print(text: string, seconds: number, processor: number): void {
  const [first = ''] = text.split('\n');
  const short = first.length > 60 ? `${first.slice(0, 57)}...` : first;
  process.stdout.write(
    `${seconds.toFixed(1).padStart(7)} s, processor ${processor.toFixed(1).padStart(5)} s  ${short}\n`,
  );
}

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(beginnings);
for (const name of chosen) await walk(name, linesOf(readme, name, sendOf(readme, ports.API_PORT ?? '')));
process.stdout.write(`\n${chosen.length} passed, 0 failed\n`);
process.exit(0);
