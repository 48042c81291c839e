import type { Log } from '../../shared/log.ts';

/** ECS takes 1 minute to 48 hours; renewed at a third of it, so that two answers may be missed. */
const EXPIRES_MINUTES = 60;
const RENEW_MS = (EXPIRES_MINUTES * 60_000) / 3;
const CHECK_MS = 10_000;
const TIMEOUT_MS = 5_000;

/**
 * Protects this ECS task from scale-in and deployments while it holds connections, through the agent beside it: what the
 * platform cannot see from outside is that a task without CPU load is full of clients.
 */
export class TaskProtection {
  readonly #url: string;
  readonly #connections: () => number;
  readonly #log: Log;
  readonly #checkMs: number;
  readonly #renewMs: number;
  #timer: NodeJS.Timeout | undefined;
  #protectedAtMs: number | undefined;
  #working: Promise<void> = Promise.resolve();

  constructor(parts: {
    agentUri: string;
    connections: () => number;
    log: Log;
    times?: { checkMs: number; renewMs: number };
  }) {
    this.#url = `${parts.agentUri}/task-protection/v1/state`;
    this.#connections = parts.connections;
    this.#log = parts.log;
    this.#checkMs = parts.times?.checkMs ?? CHECK_MS;
    this.#renewMs = parts.times?.renewMs ?? RENEW_MS;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#working = this.#working.then(() => this.#check());
    }, this.#checkMs);
    this.#timer.unref();
  }

  /** From here on the platform may stop the task. Does not reject. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#working;
    if (this.#protectedAtMs !== undefined) await this.#put(false);
  }

  async #check(): Promise<void> {
    const nowMs = performance.now();
    if (this.#connections() === 0) {
      if (this.#protectedAtMs !== undefined) await this.#put(false);
    } else if (this.#protectedAtMs === undefined || nowMs - this.#protectedAtMs >= this.#renewMs) await this.#put(true);
  }

  async #put(isProtected: boolean): Promise<void> {
    const body = isProtected
      ? { ProtectionEnabled: true, ExpiresInMinutes: EXPIRES_MINUTES }
      : { ProtectionEnabled: false };
    try {
      const response = await fetch(this.#url, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`the ECS agent answered ${response.status}`);
      this.#protectedAtMs = isProtected ? performance.now() : undefined;
      this.#log.info({ event: isProtected ? 'task_protected' : 'task_released' }, 'set the task protection');
    } catch (error) {
      this.#log.warn({ event: 'task_protection_failed', error: String(error) }, 'could not set the task protection');
    }
  }
}
