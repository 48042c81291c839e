import { findOnPath } from './find.ts';
import { lastLines, run } from './run.ts';

interface PackageManager {
  readonly program: string;
  /** Shell script that installs a Redis server and leaves no service of it running. */
  readonly script: string;
  /** Homebrew refuses to run as root; the others need it. */
  readonly asRoot: boolean;
}

export interface Installed {
  readonly ok: boolean;
  /** What was tried and how it ended, for the error when every way fails. */
  readonly tried: string;
}

/**
 * Debian's package would start redis-server on 6379 and at every boot. policy-rc.d is Debian's own switch against the
 * first (101: not allowed); ours is there only while the package is set up, and never replaces one that is there.
 */
const aptScript = `
set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\\nexit 101\\n' > "$policy"
  chmod 755 "$policy"
fi
apt-get update -q
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

/** Installs a Redis server with the system's package manager, where this user may. */
export async function installRedis(env: NodeJS.ProcessEnv, say: (line: string) => void): Promise<Installed> {
  for (const manager of managers) {
    if ((await findOnPath(manager.program, env)) === undefined) continue;
    const prefix = manager.asRoot ? await asRoot(env) : [];
    if (prefix === undefined) return { ok: false, tried: `${manager.program}: needs root or sudo without a password` };
    say(
      `No Redis on this machine: installing one with ${[...prefix, manager.program].join(' ')} (its service stays off)`,
    );
    const command = [...prefix, 'sh', '-c', manager.script];
    const { code, output } = await run(command[0] ?? 'sh', command.slice(1), { env, timeoutMs: installTimeoutMs });
    if (code === 0) return { ok: true, tried: `${manager.program}: installed` };
    return { ok: false, tried: `${manager.program}: ended with ${code ?? 'a signal'}\n${lastLines(output)}` };
  }
  return { ok: false, tried: `package manager: none of ${managers.map(({ program }) => program).join(', ')}` };
}

/** What to put before a command so that it runs as root; undefined when this user may not. */
async function asRoot(env: NodeJS.ProcessEnv): Promise<readonly string[] | undefined> {
  if (process.getuid?.() === 0) return [];
  const { code } = await run('sudo', ['-n', 'true'], { env });
  return code === 0 ? ['sudo', '-n'] : undefined;
}
