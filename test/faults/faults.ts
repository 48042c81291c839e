import { setTimeout } from 'node:timers/promises';
import type { History } from './history.ts';
import { LinkFaults } from './link-faults.ts';
import type { Receiver } from './receiver.ts';
import { type ClientStep, describeStep, type Step } from './schedule.ts';
import type { TcpSender } from './senders.ts';
import { StoreFaults } from './store-faults.ts';
import type { System } from './system.ts';

/** How long after a gateway's or Redis's return what it had begun may still be sent again. */
const AFTERMATH_MS = 1_500;
const FLAP_MS = 200;

/** Carries out the steps of a schedule. Faults that last run beside those that follow. */
export class Faults {
  readonly #system: System;
  readonly #history: History;
  readonly #receivers: readonly Receiver[];
  readonly #senders: readonly TcpSender[];
  readonly #lasting = new Set<Promise<void>>();
  readonly #store: StoreFaults;
  readonly #links: LinkFaults;
  #apiIsDown = false;

  constructor(parts: {
    system: System;
    history: History;
    receivers: readonly Receiver[];
    senders: readonly TcpSender[];
  }) {
    this.#system = parts.system;
    this.#history = parts.history;
    this.#receivers = parts.receivers;
    this.#senders = parts.senders;
    this.#store = new StoreFaults(parts.system, parts.history, (risk) => this.#closeRiskLater(risk));
    this.#links = new LinkFaults(parts.system, parts.history);
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
    switch (step.what) {
      case 'pause gateway':
        return this.#last(this.#pauseGateway(step.place, step.forMs));
      case 'kill gateway':
        return this.#last(this.#endGateway(step.place, 'SIGKILL', step.backAfterMs));
      case 'end gateway':
        return this.#last(this.#endGateway(step.place, 'SIGTERM', step.backAfterMs));
      case 'kill api':
        return this.#last(this.#killApi(step.backAfterMs));
      case 'cut sender':
        return this.#senders[step.sender]?.cut();
      default:
        if ('receiver' in step) return this.#clientStep(step, this.#receivers[step.receiver]);
        return this.#last('link' in step ? this.#links.apply(step) : this.#store.apply(step));
    }
  }

  #clientStep(step: Extract<ClientStep, { receiver: number }>, receiver: Receiver | undefined): void {
    if (!receiver) return;
    switch (step.what) {
      case 'takeover':
        return void receiver.connect();
      case 'flap':
        return this.#last(this.#flap(receiver, step.times));
      case 'stall':
        return this.#last(receiver.stall(step.forMs));
      case 'rotate token':
        return this.#last(this.#system.rotateToken(receiver.user));
      default:
        receiver[step.what]();
    }
  }

  async #flap(receiver: Receiver, times: number): Promise<void> {
    for (let i = 0; i < times; i += 1) {
      void receiver.connect();
      await setTimeout(FLAP_MS);
    }
  }

  async #killApi(backAfterMs: number): Promise<void> {
    if (this.#apiIsDown) return;
    this.#apiIsDown = true;
    await this.#system.api.kill();
    await setTimeout(backAfterMs);
    await this.#system.api.startAgain();
    this.#apiIsDown = false;
  }

  #last(fault: Promise<void>): void {
    const lasting = fault.finally(() => this.#lasting.delete(lasting));
    // A rejection is seen by `healed`.
    lasting.catch(() => undefined);
    this.#lasting.add(lasting);
  }

  async #endGateway(place: number, signal: 'SIGKILL' | 'SIGTERM', backAfterMs: number): Promise<void> {
    const gateway = this.#system.gateways[place];
    if (!gateway || gateway.isPaused || this.#system.open.length < 2) return;
    this.#system.gateways[place] = undefined;
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
    await this.#system.startGateway(place);
    if (risk) this.#closeRiskLater(risk);
  }

  async #pauseGateway(place: number, forMs: number): Promise<void> {
    const gateway = this.#system.gateways[place];
    if (!gateway || gateway.isPaused) return;
    gateway.isPaused = true;
    const risk = this.#history.risk('pause');
    gateway.process.child.kill('SIGSTOP');
    await setTimeout(forMs);
    gateway.process.child.kill('SIGCONT');
    gateway.isPaused = false;
    this.#closeRiskLater(risk);
  }

  #closeRiskLater(risk: { to: number }): void {
    risk.to = performance.now() + AFTERMATH_MS + 2 * Number(this.#system.env.LEASE_MS);
  }
}
