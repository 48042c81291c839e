import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '../../functions/runtime/log.ts';
import { endWithUs } from '../../local/end-with-us.ts';
import { startApi } from '../../local/http/server.ts';
import { startTestGateway } from '../kit/gateway.ts';
import { repository } from '../kit/process.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { type Run, runInProcess } from './in-process.ts';

interface RunOptions {
  /** Standard input; the end of it follows. */
  input?: string;
  env?: Readonly<Record<string, string | undefined>>;
}

export const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'fronttcp-cli-'));

/**
 * The HTTP API, a gateway and, unless a test wants a program, the command line in this process, with a home of its own, on
 * the shared Redis under one prefix.
 */
export class System {
  readonly env: Readonly<Record<string, string>>;
  readonly home: string;
  readonly api: string;
  readonly port: number;
  readonly healthPort: number;
  readonly #stops: readonly (() => Promise<void>)[];

  private constructor(
    home: string,
    env: Record<string, string>,
    api: string,
    ports: { port: number; healthPort: number },
    stops: (() => Promise<void>)[],
  ) {
    this.home = home;
    this.env = env;
    this.api = api;
    this.port = ports.port;
    this.healthPort = ports.healthPort;
    this.#stops = stops;
  }

  static async start(): Promise<System> {
    const store = { REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: uniquePrefix() };
    const home = await temporaryFolder();
    const gateway = await startTestGateway({}, { redisUrl: store.REDIS_URL, prefix: store.REDIS_KEY_PREFIX });
    const api = await startApi({ port: 0, env: store, log: createLog({ level: 'silent' }) });
    return new System(
      home,
      { ...store, XDG_CONFIG_HOME: home },
      api.url,
      { port: gateway.port, healthPort: gateway.running.healthPort },
      [() => gateway.stop(), () => api.close()],
    );
  }

  /** Runs a command line to its end, in this process. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Run> {
    return runInProcess(args, this.#environment(options.env), options.input ?? '');
  }

  /** Runs `fronttcp` to its end, as a program: for commands that start processes, and for what only a process has. */
  runProgram(args: readonly string[], options: RunOptions = {}): Promise<Run> {
    const child = this.spawn(args, options.env);
    return new Promise((resolve, reject) => {
      const run: Run = { code: null, stdout: '', stderr: '' };
      child.stdout.setEncoding('utf8').on('data', (text) => (run.stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text) => (run.stderr += text));
      child.once('error', reject);
      child.once('close', (code) => resolve({ ...run, code }));
      child.stdin.end(options.input ?? '');
    });
  }

  spawn(args: readonly string[], env: RunOptions['env'] = {}) {
    const all = [join(repository, 'bin/fronttcp.mjs'), ...args];
    const child = spawn(process.execPath, all, { env: this.#environment(env) });
    endWithUs(child);
    return child;
  }

  /** A shell script in which `$0` is this Node. */
  shell(script: string, cwd: string, env: RunOptions['env'] = {}) {
    const child = spawn('bash', ['-c', script, process.execPath], { cwd, env: this.#environment(env) });
    endWithUs(child);
    return child;
  }

  #environment(env: RunOptions['env'] = {}): NodeJS.ProcessEnv {
    return { ...process.env, FRONTTCP_API: this.api, FRONTTCP_PORT: String(this.port), ...this.env, ...env };
  }

  /** What a command printed with --json. Fails when it did not end with 0. */
  async json(args: readonly string[], options?: RunOptions): Promise<unknown> {
    const run = await this.run([...args, '--json'], options);
    if (run.code !== 0) throw new Error(`fronttcp ${args.join(' ')}: ${run.code} ${run.stderr}`);
    return JSON.parse(run.stdout);
  }

  /** Makes an operator, as whom the other commands then run. */
  async operator(userId: string): Promise<void> {
    await this.json(['users', 'add', userId, '--role', 'operator', '--password-stdin'], { input: '123456\n' });
    await this.json(['login', userId, '--password-stdin'], { input: '123456\n' });
  }

  /** A new user's token. */
  async user(userId: string): Promise<string> {
    await this.json(['users', 'add', userId, '--password-stdin'], { input: 'secret\n' });
    return ((await this.json(['users', 'token', userId])) as { token: string }).token;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#stops.map((stop) => stop()));
    await rm(this.home, { recursive: true });
  }
}
