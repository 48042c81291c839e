import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reservePort } from '../../kit/ports.ts';
import { repository } from '../../kit/process.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/** What a reader has of their own: never shared with the repository. */
const OWN = ['.git', '.fronttcp', 'dist', 'cdk.out'];

/**
 * What npx does where the package's own program is asked for, without npm's second of thinking. README.md's blocks are run with
 * the real one, and so is the package, from its tarball (test/package).
 */
const QUICK_NPX = `#!/bin/sh
[ "$1" = fronttcp ] || { echo "npx $1 is not for this machine" >&2; exit 127; }
shift
exec node bin/fronttcp.mjs "$@"
`;

/**
 * A reader's machine: the repository as `npm ci` leaves it, a home of its own, and the ports of the pages replaced by
 * free ones. What is typed there is what the pages say.
 */
export class Machine {
  readonly folder = mkdtempSync(join(tmpdir(), 'fronttcp-reader-'));
  readonly api: number;
  readonly gateway: number;
  readonly health: number;
  /** What else its terminals have in their environment. */
  readonly variables: Record<string, string> = {};
  readonly #services: Terminal[] = [];

  private constructor(ports: { api: number; gateway: number; health: number }) {
    this.api = ports.api;
    this.gateway = ports.gateway;
    this.health = ports.health;
    for (const name of readdirSync(repository)) {
      if (!OWN.includes(name)) symlinkSync(join(repository, name), join(this.folder, name));
    }
    mkdirSync(join(this.folder, '.home/bin'), { recursive: true });
    writeFileSync(join(this.folder, '.home/bin/npx'), QUICK_NPX, { mode: 0o755 });
  }

  static async make(): Promise<Machine> {
    return new Machine({ api: await reservePort(), gateway: await reservePort(), health: await reservePort() });
  }

  /** `real`: with npm's own npx. */
  env({ real = false } = {}): NodeJS.ProcessEnv {
    return {
      ...process.env,
      ...(real ? {} : { PATH: `${join(this.folder, '.home/bin')}:${process.env.PATH}` }),
      HOME: join(this.folder, '.home'),
      XDG_CONFIG_HOME: join(this.folder, '.home'),
      REDIS_URL: undefined,
      API_PORT: String(this.api),
      GATEWAY_PORT: String(this.gateway),
      HEALTH_PORT: String(this.health),
      FRONTTCP_API: `http://127.0.0.1:${this.api}`,
      FRONTTCP_PORT: String(this.gateway),
      // A terminal of a known width, without colours.
      COLUMNS: '120',
      NO_COLOR: '1',
      // npm's own turning wheel would stand between the lines.
      npm_config_progress: 'false',
      npm_config_update_notifier: 'false',
      ...this.variables,
    };
  }

  /** The text of a page with this machine's ports. */
  here(text: string): string {
    const ports: Readonly<Record<string, number>> = { 3000: this.api, 8124: this.gateway, 8125: this.health };
    return text.replaceAll(/\b(3000|8124|8125)\b/g, (port) => String(ports[port]));
  }

  /** Opens a terminal and runs a script there, which ends at the first command that fails. */
  open(script: string, npx: { real?: boolean } = {}): Terminal {
    const file = join(this.folder, '.home', `script-${Math.random().toString(36).slice(2)}.sh`);
    writeFileSync(file, this.here(script));
    return openTerminal(['bash', '-eo', 'pipefail', file], { cwd: this.folder, env: this.env(npx) });
  }

  /** A program that stays until the machine is switched off. */
  async serve(script: string, isReady: RegExp): Promise<Terminal> {
    const terminal = this.open(script);
    this.#services.push(terminal);
    await terminal.shows(isReady, 90_000);
    return terminal;
  }

  /** Ctrl-C in every terminal that is open; answers their exit codes. */
  async switchOff(): Promise<(number | null)[]> {
    for (const service of this.#services) service.type('\x03');
    const codes = await Promise.all(this.#services.map((service) => service.ends().finally(() => service.kill())));
    rmSync(this.folder, { recursive: true, force: true });
    return codes;
  }
}
