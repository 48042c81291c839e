import { setTimeout } from 'node:timers/promises';
import type { History } from './history.ts';
import type { Receiver } from './receiver.ts';
import { describeStep, type Step } from './schedule.ts';
import type { TcpSender } from './senders.ts';
import type { World } from './world.ts';

/** How long after a gateway's or Redis's return what it had begun may still be sent again. */
const AFTERMATH_MS = 1_500;

/** Carries out the steps of a schedule. Faults that last run beside those that follow. */
export class Faults {
  readonly #world: World;
  readonly #history: History;
  readonly #receivers: readonly Receiver[];
  readonly #senders: readonly TcpSender[];
  readonly #lasting = new Set<Promise<void>>();
  #redisIsDown = false;

  constructor(parts: {
    world: World;
    history: History;
    receivers: readonly Receiver[];
    senders: readonly TcpSender[];
  }) {
    this.#world = parts.world;
    this.#history = parts.history;
    this.#receivers = parts.receivers;
    this.#senders = parts.senders;
  }

  async run(steps: readonly Step[]): Promise<void> {
    const start = performance.now();
    for (const step of steps) {
      await setTimeout(Math.max(0, start + step.atMs - performance.now()));
      this.#history.step(describeStep(step));
      this.#apply(step);
    }
  }

  /** Resolves when every fault has been taken back. Rejects when one could not be. */
  async healed(): Promise<void> {
    while (this.#lasting.size > 0) await Promise.all(this.#lasting);
  }

  #apply(step: Step): void {
    if ('receiver' in step) return this.#clientStep(step.what, this.#receivers[step.receiver]);
    if (step.what === 'cut sender') return this.#senders[step.sender]?.cut();
    if (step.what === 'crash redis') return this.#last(this.#crashRedis(step.backAfterMs));
    if (step.what === 'pause redis') return this.#last(this.#pauseRedis(step.forMs));
    if (step.what === 'pause gateway') return this.#last(this.#pauseGateway(step.place, step.forMs));
    this.#last(this.#endGateway(step.place, step.what === 'kill gateway' ? 'SIGKILL' : 'SIGTERM', step.backAfterMs));
  }

  #clientStep(what: 'takeover' | 'cut' | 'leave' | 'hang', receiver: Receiver | undefined): void {
    if (what === 'takeover') void receiver?.connect();
    else receiver?.[what]();
  }

  #last(fault: Promise<void>): void {
    const lasting = fault.finally(() => this.#lasting.delete(lasting));
    // A rejection is seen by `healed`.
    lasting.catch(() => undefined);
    this.#lasting.add(lasting);
  }

  async #endGateway(place: number, signal: 'SIGKILL' | 'SIGTERM', backAfterMs: number): Promise<void> {
    const gateway = this.#world.gateways[place];
    if (!gateway || gateway.isPaused || this.#world.open.length < 2) return;
    this.#world.gateways[place] = undefined;
    const risk = signal === 'SIGKILL' ? this.#history.risk('kill') : undefined;
    if (signal === 'SIGKILL') {
      for (const stay of this.#history.stays) {
        if (stay.gateway === gateway.name && stay.endedAt === undefined) stay.abrupt = true;
      }
    }
    const exit = await gateway.process.stop(signal, 20_000);
    if (signal === 'SIGTERM' && exit.code !== 0) {
      const output = gateway.process.output().slice(-3_000);
      this.#history.violations.push(`${gateway.name} ended with ${exit.code ?? exit.signal}: ${output}`);
    }
    await setTimeout(backAfterMs);
    await this.#world.startGateway(place);
    if (risk) this.#closeRiskLater(risk);
  }

  async #pauseGateway(place: number, forMs: number): Promise<void> {
    const gateway = this.#world.gateways[place];
    if (!gateway || gateway.isPaused) return;
    gateway.isPaused = true;
    const risk = this.#history.risk('pause');
    gateway.process.child.kill('SIGSTOP');
    await setTimeout(forMs);
    gateway.process.child.kill('SIGCONT');
    gateway.isPaused = false;
    this.#closeRiskLater(risk);
  }

  async #crashRedis(backAfterMs: number): Promise<void> {
    if (this.#redisIsDown) return;
    this.#redisIsDown = true;
    const risk = this.#history.risk('redis crash');
    await this.#world.redis.crash();
    await setTimeout(backAfterMs);
    await this.#world.redis.startAgain();
    this.#redisIsDown = false;
    this.#closeRiskLater(risk);
  }

  async #pauseRedis(forMs: number): Promise<void> {
    if (this.#redisIsDown) return;
    this.#redisIsDown = true;
    const risk = this.#history.risk('redis');
    this.#world.redis.signal('SIGSTOP');
    await setTimeout(forMs);
    risk.overAt = performance.now();
    this.#world.redis.signal('SIGCONT');
    this.#redisIsDown = false;
    this.#closeRiskLater(risk);
  }

  #closeRiskLater(risk: { to: number }): void {
    risk.to = performance.now() + AFTERMATH_MS + 2 * Number(this.#world.env.LEASE_MS);
  }
}
