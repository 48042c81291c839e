import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { endWithUs } from '../../local/end-with-us.ts';
import type { Line } from './readme.ts';

/** Of one line: until the user could go on. */
interface Took {
  readonly seconds: number;
  /** Of all processes that this user has started, since the line before. */
  readonly processor: number;
}

const NOBODY = 65534;
/** Of /proc/<pid>/stat, on every Linux of today. */
const TICKS_PER_SECOND = 100;
const STOP_MS = 30_000;

/** Somebody at terminals, with no rights (as root: the user `nobody`), an empty home and the Node of the machine. */
export class NewUser {
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #terminals: Terminal[] = [];
  #ended = 0;
  #reported = 0;

  constructor(home: string, folder: string, ports: Readonly<Record<string, string>>) {
    this.#folder = folder;
    const path = (process.env.PATH ?? '').split(':').filter((place) => !place.includes('node_modules'));
    this.#env = { ...ports, HOME: home, XDG_CONFIG_HOME: home, PATH: path.join(':'), LANG: 'C.UTF-8' };
    if (process.getuid?.() === 0) execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, home]);
  }

  /** Types a line into a terminal of its own; resolves when the user goes on to the next. */
  async types(line: Line): Promise<Took> {
    const startedAt = performance.now();
    const before = this.#terminals.at(-1);
    const terminal = new Terminal(line, this.#folder, this.#env);
    if (line.until === undefined) {
      await terminal.ends();
      this.#ended += terminal.processorOnceEnded();
    } else {
      if (!line.onScreenBefore) this.#terminals.push(terminal);
      await (line.onScreenBefore ? before : terminal)?.shows(line.until);
      if (line.onScreenBefore) {
        await terminal.ends();
        this.#ended += terminal.processorOnceEnded();
      }
    }
    const sum = this.#terminals.reduce((all, { group }) => all + processorOf(group), this.#ended);
    const processor = sum - this.#reported;
    this.#reported = sum;
    return { seconds: (performance.now() - startedAt) / 1_000, processor };
  }

  /** Ctrl-C in every terminal, the last one first. */
  async leaves(): Promise<void> {
    for (const terminal of this.#terminals.reverse()) await terminal.stops();
  }
}

class Terminal {
  readonly #child: ChildProcess;
  readonly #text: string;
  readonly #closed: Promise<number | null>;
  #screen = '';
  #look: () => void = () => undefined;

  constructor({ text, answer }: Line, cwd: string, env: NodeJS.ProcessEnv) {
    this.#text = text;
    const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
    // A question is answered by a pipe: the command line has an option for that. Other lines have an open, silent input.
    const typed = answer === undefined ? text : `echo ${answer} | ${text} --password-stdin`;
    const script = `TIMEFORMAT='processor %U %S'\ntime {\n${typed}\n}`;
    const [file = '', ...args] = [...(process.getuid?.() === 0 ? asNobody : []), 'bash', '-c', script];
    this.#child = spawn(file, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    endWithUs(this.#child, { isGroup: true });
    const read = (chunk: Buffer): void => {
      this.#screen += String(chunk);
      this.#look();
    };
    this.#child.stdout?.on('data', read);
    this.#child.stderr?.on('data', read);
    this.#closed = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        resolve(code);
        this.#look();
      });
    });
  }

  /** Its process group. */
  get group(): number {
    return this.#child.pid ?? 0;
  }

  async ends(): Promise<void> {
    const code = await this.#closed;
    if (code !== 0) throw this.#failed();
  }

  shows(pattern: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#look = () => {
        if (pattern.test(this.#screen)) resolve();
        else if (this.#child.exitCode !== null) reject(this.#failed());
      };
      this.#look();
    });
  }

  processorOnceEnded(): number {
    const [, user = 0, system = 0] = /processor ([\d.]+) ([\d.]+)/.exec(this.#screen) ?? [];
    return Number(user) + Number(system);
  }

  async stops(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    process.kill(-this.group, 'SIGINT');
    const timer = setTimeout(() => process.kill(-this.group, 'SIGKILL'), STOP_MS);
    await this.#closed;
    clearTimeout(timer);
  }

  #failed(): Error {
    return new Error(`${this.#text} ended with ${this.#child.exitCode}:\n${this.#screen}`);
  }
}

/** Processor seconds of the processes of a group and of their children that have ended. */
function processorOf(group: number): number {
  let ticks = 0;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      // After the name, which may hold anything: state ppid pgrp … utime(11) stime cutime cstime.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
        .map(Number);
      if (fields[2] === group) ticks += [11, 12, 13, 14].reduce((all, at) => all + (fields[at] ?? 0), 0);
    } catch {
      // It has ended since.
    }
  }
  return ticks / TICKS_PER_SECOND;
}
