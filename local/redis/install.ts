import { APT_WITHOUT_SERVICES } from './apt.ts';
import { findOnPath } from './find.ts';
import { lastLines, run } from './run.ts';

interface PackageManager {
  readonly program: string;
  /** Shell script that installs a Redis server and leaves no service of it running. */
  readonly script: string;
  /** Homebrew refuses to run as root; the others need it. */
  readonly asRoot: boolean;
}

interface Installed {
  readonly ok: boolean;
  /** The attempts and their results, for the error when all of them fail. */
  readonly tried: string;
}

/** Debian's package would start redis-server on 6379 and at every boot. */
const aptScript = `${APT_WITHOUT_SERVICES}apt-get update -q
for package in redis-server valkey-server; do
  if apt-get install -q -y --no-install-recommends "$package"; then
    if [ -d /run/systemd/system ]; then systemctl disable "$package"; fi
    exit 0
  fi
done
exit 1
`;

const managers: readonly PackageManager[] = [
  { program: 'apt-get', asRoot: true, script: aptScript },
  { program: 'dnf', asRoot: true, script: 'dnf install -y redis || dnf install -y valkey' },
  { program: 'yum', asRoot: true, script: 'yum install -y redis || yum install -y valkey' },
  { program: 'apk', asRoot: true, script: 'apk add --no-cache redis || apk add --no-cache valkey' },
  { program: 'brew', asRoot: false, script: 'brew install redis || brew install valkey' },
];

const installTimeoutMs = 5 * 60_000;

/** Installs a Redis server with the first of the system's package managers that this user may use. */
export async function installRedis(env: NodeJS.ProcessEnv, say: (line: string) => void): Promise<Installed> {
  const tried: string[] = [];
  for (const manager of await managersOf(env)) {
    const prefix = manager.asRoot ? await asRoot(env) : [];
    if (prefix === undefined) {
      tried.push(`${manager.program}: needs root or sudo without a password`);
      continue;
    }
    say(
      `No Redis on this machine: installing one with ${[...prefix, manager.program].join(' ')} (its service stays off)`,
    );
    const command = [...prefix, 'sh', '-c', manager.script];
    const { code, output } = await run(command[0] ?? 'sh', command.slice(1), { env, timeoutMs: installTimeoutMs });
    if (code === 0) return { ok: true, tried: `${manager.program}: installed` };
    tried.push(`${manager.program}: ended with ${code ?? 'a signal'}\n${lastLines(output)}`);
  }
  const names = managers.map(({ program }) => program).join(', ');
  return { ok: false, tried: tried.join('; ') || `package manager: none of ${names}` };
}

/** The command that installs Redis once the user gives sudo a password; undefined where that would not help. */
export async function sudoCommand(env: NodeJS.ProcessEnv): Promise<SudoCommand | undefined> {
  const manager = (await managersOf(env)).find(({ asRoot }) => asRoot);
  if (manager === undefined || (await findOnPath('sudo', env)) === undefined) return undefined;
  return { manager: manager.program, command: ['sudo', 'sh', '-c', manager.script] };
}

interface SudoCommand {
  /** Such as `apt-get`, for the question. */
  readonly manager: string;
  readonly command: readonly string[];
}

async function managersOf(env: NodeJS.ProcessEnv): Promise<readonly PackageManager[]> {
  const paths = await Promise.all(managers.map(({ program }) => findOnPath(program, env)));
  return managers.filter((_, i) => paths[i] !== undefined);
}

/** The prefix that makes a command run as root; undefined when this user has no right to. */
async function asRoot(env: NodeJS.ProcessEnv): Promise<readonly string[] | undefined> {
  if (process.getuid?.() === 0) return [];
  const { code } = await run('sudo', ['-n', 'true'], { env });
  return code === 0 ? ['sudo', '-n'] : undefined;
}
