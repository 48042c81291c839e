// node test/first-hour/run.ts      Types what README.md says, as a new user: a fresh clone, no rights, and measures the time to the first
// message. Needs the network of npm. Ports: API_PORT, GATEWAY_PORT and HEALTH_PORT, or those of README.md.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository } from '../kit/process.ts';

const LIMIT_S = 120;
const startedAt = performance.now();
const seconds = (): string => ((performance.now() - startedAt) / 1_000).toFixed(1);
const say = (text: string): void => void process.stdout.write(`${seconds().padStart(6)} s  ${text}\n`);

const home = mkdtempSync(join(tmpdir(), 'first-hour-'));
chmodSync(home, 0o777);
const clone = join(home, 'fronttcp');
const nobody = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
const { API_PORT = '3000', GATEWAY_PORT = '8124', HEALTH_PORT = '8125' } = process.env;
const env = {
  ...{ HOME: home, XDG_CONFIG_HOME: home, API_PORT, GATEWAY_PORT, HEALTH_PORT },
  // The machine's own Node, not the one of this checkout.
  PATH: (process.env.PATH ?? '')
    .split(':')
    .filter((folder) => !folder.includes('node_modules'))
    .join(':'),
};

/** A line in bash, as the user; resolves when the pattern is on the screen, or the line has ended. */
function type(line: string, until?: RegExp, cwd = clone): Promise<string> {
  const [file = '', ...args] = [...nobody, 'bash', '-c', line];
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  children.push(child.pid ?? 0);
  let screen = '';
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      screen += String(chunk);
      if (until?.test(screen)) resolve(screen);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('close', (code) => {
      if (until === undefined && code === 0) resolve(screen);
      else reject(new Error(`${line} ended with ${code}:\n${screen}`));
    });
  });
}
const children: number[] = [];

const readme = readFileSync(join(repository, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => String(block));
const send = (blocks.find((block) => block.startsWith('TOKEN=')) ?? '').replaceAll(
  'localhost:3000',
  `localhost:${API_PORT}`,
);
const steps = ['npm ci', 'npm start', 'npx fronttcp login device-1', 'npx fronttcp connect'];
for (const step of steps)
  if (!blocks.some((block) => block.includes(step))) throw new Error(`README.md has no ${step}`);

try {
  const user =
    nobody.length > 0 ? ['-c', `safe.directory=${repository}`, '-c', `safe.directory=${repository}/.git`] : [];
  execFileSync('git', [...user, 'clone', '--quiet', '--no-hardlinks', repository, clone]);
  if (nobody.length > 0) execFileSync('chown', ['-R', '65534:65534', home]);
  say('cloned');
  await type('npm ci');
  say('npm ci');
  type('npm start', /never printed/).catch(() => undefined);
  await type(
    `until curl -fs localhost:${HEALTH_PORT}/readyz && curl -fs localhost:${API_PORT}/openapi.json; do sleep 0.2; done`,
  );
  say('npm start is ready');
  await type('echo 123456 | npx fronttcp login device-1 --password-stdin');
  const shows = (text: string): string => `until grep -q '${text}' ../screen; do sleep 0.1; done`;
  type('sleep 60 | npx fronttcp connect > ../screen 2>&1').catch(() => undefined);
  await type(shows('Connected'));
  await type(send);
  await type(shows('hello'));
  say('the first message is on the screen');
  process.exitCode = performance.now() - startedAt < LIMIT_S * 1_000 ? 0 : 1;
} finally {
  for (const pid of children) {
    try {
      process.kill(-pid, 'SIGTERM');
    } catch {
      // It has ended.
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  rmSync(home, { recursive: true, force: true });
}
