import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import type { Random } from '../random.ts';
import type { System } from '../system.ts';
import { COMMAND } from './device.ts';

interface CallParts {
  readonly system: System;
  readonly random: Random;
  readonly log: CallLog;
}

/** A call that waited, and how it was answered at last. */
export interface Waited {
  readonly n: string;
  readonly user: string;
  readonly step: 'acknowledged' | 'reply';
  readonly outcome: string;
  readonly reply: unknown;
  readonly answeredAt: number;
}

interface Timed {
  readonly n: string;
  readonly user: string;
  /** Unix seconds. */
  readonly due: number;
  /** `unsure`: a call to take it back had no answer. */
  isCancelled: boolean | 'unsure';
  /** No fault was near: it must be on time. */
  readonly isCalm: boolean;
}

/** What was asked of the API, and accepted. */
export class CallLog {
  readonly waited: Waited[] = [];
  readonly timed: Timed[] = [];
  /** The names of what was sent to the group, in order. */
  readonly toGroup: string[] = [];
  /** By user and key: the names of what was sent, in order. */
  readonly keyed = new Map<string, string[]>();
  readonly violations: string[] = [];
  #calls = 0;

  /** For the message of a call, and for its Idempotency-Key. */
  newName(kind: string): string {
    this.#calls += 1;
    return `${kind}${this.#calls}`;
  }
}

const answerSchema = z.looseObject({
  id: z.string().optional(),
  error: z.string().optional(),
  outcome: z.string().optional(),
  reply: z.unknown().optional(),
  cancelled: z.int().optional(),
});
type Answer = { readonly status: number } & Partial<z.infer<typeof answerSchema>>;

const CALL_TIMEOUT_MS = 8_000;
const MAX_ATTEMPTS = 80;
const PAUSE_MS = 120;
/** Nothing was accepted, or nobody knows: the same call again, with the same key. */
const AGAIN = [0, 408, 429, 503];

/** Programs that call the API as an operator. Each call has an Idempotency-Key, and is repeated until it has its answer. */
export class Callers {
  readonly #system: System;
  readonly #random: Random;
  readonly #log: CallLog;

  constructor({ system, random, log }: CallParts) {
    this.#system = system;
    this.#random = random;
    this.#log = log;
  }

  /** A call that waits for a step of one recipient. */
  async wait(user: string, step: Waited['step']): Promise<void> {
    const n = this.#log.newName(step);
    const { status, outcome, error, reply } = await this.#send(n, { chat_to: user, wait: step, timeout_s: 2 });
    const answeredAt = performance.now();
    if (status !== 200 && status !== 202) {
      return void this.#log.violations.push(`${n} to ${user} was answered ${status} ${error ?? ''}`);
    }
    this.#log.waited.push({ n, user, step, outcome: outcome ?? '', reply, answeredAt });
  }

  /** A command with a time; some are taken back before it. */
  async schedule(user: string, aheadSeconds: number, { isCalm = false } = {}): Promise<void> {
    const n = this.#log.newName('timed');
    const due = Math.ceil(Date.now() / 1_000) + aheadSeconds;
    const { status, id, error } = await this.#send(n, { chat_to: user, not_before: due });
    if (status !== 200) {
      // An attempt that was held up longer than the time was ahead.
      if (error !== 'not_before_past') this.#log.violations.push(`${n} was answered ${status} ${error ?? ''}`);
      return;
    }
    const timed: Timed = { n, user, due, isCancelled: false, isCalm };
    this.#log.timed.push(timed);
    if (isCalm || !this.#random.chance(0.3)) return;
    let attempts = 0;
    const cancel = () => {
      attempts += 1;
      return this.#call('DELETE', `/commands/${id}`);
    };
    const { cancelled = 0 } = await this.#until(cancel, `taking back ${n}`);
    timed.isCancelled = cancelled > 0 || (attempts > 1 && 'unsure');
  }

  /** The newest value of a key. */
  async replace(user: string, key: string): Promise<void> {
    const n = this.#log.newName(`${key}=`);
    const { status, error } = await this.#send(n, { chat_to: user, replaces: key });
    if (status !== 200) return void this.#log.violations.push(`${n} was answered ${status} ${error ?? ''}`);
    const past = this.#log.keyed.get(`${user} ${key}`) ?? [];
    this.#log.keyed.set(`${user} ${key}`, [...past, n]);
  }

  async sendToGroup(group: string): Promise<void> {
    const n = this.#log.newName('group');
    const { status, error } = await this.#send(n, { chat_to: { group } });
    if (status !== 200) return void this.#log.violations.push(`${n} was answered ${status} ${error ?? ''}`);
    this.#log.toGroup.push(n);
  }

  async addToGroup(group: string, add: readonly string[]): Promise<void> {
    await this.#until(() => this.#call('PUT', `/groups/${group}/members`, { add }), `adding to ${group}`);
  }

  #send(n: string, more: object): Promise<Answer> {
    const command = { command_id: COMMAND, content: { n }, ...more };
    return this.#until(() => this.#call('POST', '/send-command', command, n), n);
  }

  /** The first answer that is a final one. The last one, and a violation, when there is none for longer than any fault lasts. */
  async #until(call: () => Promise<Answer>, what: string): Promise<Answer> {
    let answer = await call();
    for (let attempt = 1; AGAIN.includes(answer.status) && attempt < MAX_ATTEMPTS; attempt += 1) {
      await setTimeout(PAUSE_MS);
      answer = await call();
    }
    if (AGAIN.includes(answer.status)) this.#log.violations.push(`${what} never had a final answer`);
    return answer;
  }

  async #call(method: string, path: string, body?: object, key?: string): Promise<Answer> {
    try {
      const response = await fetch(`${this.#system.api.url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.#system.tokenOf('operator')}`,
          'content-type': 'application/json',
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      });
      return { status: response.status, ...answerSchema.parse(await response.json()) };
    } catch (error) {
      if (error instanceof z.ZodError) throw error;
      return { status: 0 };
    }
  }
}
