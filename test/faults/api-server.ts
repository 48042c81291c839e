import { startApiProcess } from '../kit/api-process.ts';
import { reservePort } from '../kit/ports.ts';
import type { RunningProcess } from '../kit/process.ts';

/** The HTTP API in a process of its own, so that it can be killed in the middle of a request. */
export class ApiServer {
  readonly url: string;
  readonly #env: Readonly<Record<string, string>>;
  #program: RunningProcess | undefined;

  private constructor(port: number, env: Readonly<Record<string, string>>) {
    this.url = `http://127.0.0.1:${port}`;
    this.#env = { ...env, API_PORT: String(port) };
  }

  static async start(env: Readonly<Record<string, string>>): Promise<ApiServer> {
    const server = new ApiServer(await reservePort(), env);
    await server.startAgain();
    return server;
  }

  /** On the same port. */
  async startAgain(): Promise<void> {
    this.#program = (await startApiProcess(this.#env)).process;
  }

  /** With SIGKILL. */
  async kill(): Promise<void> {
    await this.#program?.stop('SIGKILL');
  }
}
