import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository, startProcess } from '../../kit/process.ts';

/** Containers of one test: images and state in a folder of its own, nothing from a registry. */
export class Engine {
  readonly #work: string;
  readonly #storage: readonly string[];

  private constructor(work: string) {
    this.#work = work;
    // Beside each other in one folder, so that nothing of the machine's own images is seen or left behind.
    this.#storage = ['--root', join(work, 'storage'), '--runroot', join(work, 'run'), '--storage-driver', 'vfs'];
  }

  static async create(): Promise<Engine> {
    // A short name: podman takes no path of more than 50 characters for its state.
    return new Engine(await mkdtemp(join(tmpdir(), 'ftc-')));
  }

  /**
   * Builds the Dockerfile of the context, unchanged, on a base made of this machine's Node. The base of another
   * architecture is empty: nothing of it is run while an image without RUN is built.
   */
  async build(context: string, tag: string, architecture?: string): Promise<void> {
    const script = join(repository, 'test/container/support/offline-base.sh');
    const env = architecture === undefined ? {} : { ARCH: architecture };
    const node = architecture === undefined ? process.execPath : '';
    await run('bash', [script, node, this.#work, ...this.#storage], env);
    await run('buildah', [
      ...this.#storage,
      'bud',
      '-q',
      '--isolation=chroot',
      // Proves that no registry is asked.
      '--pull-never',
      // The other format has no HEALTHCHECK.
      '--format=docker',
      ...(architecture === undefined ? [] : [`--arch=${architecture}`]),
      `--tag=${tag}`,
      `--file=${join(context, 'Dockerfile')}`,
      context,
    ]);
  }

  /** As Fargate runs it: another user than root, nothing to write to, no capabilities. */
  async start(name: string, image: string, environment: Readonly<Record<string, string>>): Promise<void> {
    await this.#podman([
      'run',
      '--detach',
      `--name=${name}`,
      '--network=host',
      '--read-only',
      '--read-only-tmpfs=false',
      '--cap-drop=all',
      '--security-opt=no-new-privileges',
      // Its timers want systemd; the command itself is tried by hand.
      '--no-healthcheck',
      '--ulimit=nofile=16384:16384',
      '--ulimit=nproc=4096:4096',
      ...Object.entries(environment).map(([key, value]) => `--env=${key}=${value}`),
      image,
    ]);
  }

  async exec(name: string, command: readonly string[]): Promise<string> {
    return this.#podman(['exec', name, ...command]);
  }

  /** What the engine knows about it, by a Go template such as `{{.State.ExitCode}}`. */
  async inspect(name: string, template: string): Promise<string> {
    return (await this.#podman(['inspect', name, '--format', template])).trim();
  }

  async logs(name: string): Promise<string> {
    return this.#podman(['logs', name]);
  }

  /** SIGTERM, and SIGKILL when the time is over. */
  async stop(name: string, timeoutSeconds: number): Promise<void> {
    await this.#podman(['stop', '--time', String(timeoutSeconds), name]);
  }

  async remove(): Promise<void> {
    if (existsSync(join(this.#work, 'storage'))) {
      await this.#podman(['rm', '--all', '--force', '--time', '0']);
      await run('buildah', [...this.#storage, 'rmi', '--all', '--force']);
    }
    await rm(this.#work, { recursive: true, force: true });
  }

  /** crun refuses machines that have both versions of cgroups: the second is hidden from it, in a namespace of its own. */
  #podman(args: readonly string[]): Promise<string> {
    const hide = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"';
    return run('unshare', [
      '--mount',
      '--propagation',
      'private',
      'bash',
      '-c',
      hide,
      '_',
      'podman',
      ...this.#storage,
      ...args,
    ]);
  }
}

async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const running = startProcess(command, args, { env });
  const { code } = await running.exit;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${running.output()}`);
  return running.output();
}
